#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/cli/captioning.h"
#include "apps/cli/commands.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/lists.h"
#include "apps/cli/pictures.h"

namespace forgedit::cli {
namespace {

struct CaptionCommand {
  std::vector<std::string> images;
  std::string captioner, device = "auto";
  CaptionSearch search;

  void run() const {
    Console console;
    const ComputePolicy policy{parse_device(device), Precision::fp32};
    const auto model = captioner.empty() ? choose_model({}).folder : std::filesystem::path();
    const auto place = find_captioner(captioner, model, "--captioner DIR is needed");
    auto network = load_captioner(place, policy, console);
    for (const auto& image : images) {
      throw_if_stopped();
      const auto text = network.caption(read_picture(image), search);
      fmt::print(stdout, "{}\n", images.size() == 1 ? text : image + ": " + text);
      std::fflush(stdout);
    }
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
      ->add_option("--captioner", state->captioner,
                   "BLIP folder (transformers layout), or ORG/NAME in the hub's cache [captioner/ beside the "
                   "miniature, else the published one in the hub's cache]")
      ->type_name("DIR|ORG/NAME");
  command->add_option("--beams", state->search.num_beams, "captions followed at once; 1 is greedy")
      ->check(within(1, 64))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--device", state->device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str();
  command->footer(kFooter);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
