#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/model_options.h"
#include "apps/cli/standard_input.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/streams.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

/// Prints the captions to stdout, because they are this command's result.
class CaptionConsole : public Console {
 public:
  explicit CaptionConsole(bool several) : several_(several) {}
  void captioned(const std::filesystem::path& picture, const std::string& text) override {
    print((several_ ? picture.string() + ": " : std::string()) + text + "\n");
    flush_stdout();
  }

 private:
  bool several_;
};

struct CaptionCommand {
  std::vector<std::string> images;
  CaptionRequest request;
  ModelRequest model;

  void run() {
    StandardInputPicture from_input;
    for (const auto& image : images) request.pictures.push_back(from_input.path_of(image));
    CaptionConsole console(images.size() > 1);
    Engine(find_places(), {model, /*keep_warm=*/false}).run(request, program_stop(), console);
  }
};

constexpr const char* kCaptionFooter =
    "Prints one line per picture: the caption that `edit` and `learn` use if --source is not given.\n"
    "\n"
    "Example:\n"
    "  forgedit caption dog.jpg --captioner Salesforce/blip-image-captioning-base";

}  // namespace

Command add_caption_command(CLI::App& program) {
  const auto state = std::make_shared<CaptionCommand>();
  auto* command = program.add_subcommand("caption", "Caption pictures with BLIP.");
  command
      ->add_option("IMAGE", state->images,
                   "pictures to caption: PNG, JPEG, WebP, HEIC or AVIF; - is standard input")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--captioner", state->request.captioner,
                   "BLIP model: a folder (transformers layout), or ORG/NAME in the Hugging Face cache [the "
                   "miniature's, else the published one in the cache]")
      ->type_name("DIR|ORG/NAME");
  command->add_option("--beams", state->request.beams, "beam size of the search; 1 is greedy")
      ->check(within(1, 64))
      ->type_name("N")
      ->capture_default_str();
  add_device_option(*command, state->model.device, "Options");
  command->footer(kCaptionFooter);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
