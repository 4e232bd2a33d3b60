#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/model_options.h"
#include "apps/cli/streams.h"
#include "apps/common/places.h"
#include "forgedit/jobs/small_jobs.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

struct CaptionCommand {
  std::vector<std::string> images;
  CaptionRequest request;
  ModelRequest model;

  void run() {
    request.pictures.assign(images.begin(), images.end());
    Console console;
    const auto places = find_places();
    JobContext context(places, console, program_stop());
    WarmModels models(model, /*keep=*/false);
    run_caption(request, models, context, [&](const std::string& image, const std::string& caption) {
      print((images.size() == 1 ? caption : image + ": " + caption) + "\n");
      flush_stdout();
    });
  }
};

constexpr const char* kFooter =
    "Prints one line a picture: what `edit` and `learn` take as --source where none is given.\n\n"
    "Example:\n"
    "  forgedit caption dog.jpg --captioner blip-image-captioning-base";

}  // namespace

Command add_caption_command(CLI::App& program) {
  const auto state = std::make_shared<CaptionCommand>();
  auto* command = program.add_subcommand("caption", "Say in words what pictures show.");
  command->add_option("IMAGE", state->images, "PNG, JPEG, WebP, HEIC or AVIF, one or more")->required();
  command
      ->add_option("--captioner", state->request.captioner,
                   "BLIP folder (transformers layout), or ORG/NAME in the hub's cache [captioner/ beside the "
                   "miniature, else the published one in the hub's cache]")
      ->type_name("DIR|ORG/NAME");
  command->add_option("--beams", state->request.beams, "captions followed at once; 1 is greedy")
      ->check(within(1, 64))
      ->type_name("N")
      ->capture_default_str();
  add_device_option(*command, state->model.device, "Options");
  command->footer(kFooter);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
