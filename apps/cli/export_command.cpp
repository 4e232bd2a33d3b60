#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/model_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

constexpr const char* kExportFooter =
    "Examples:\n"
    "  forgedit export dog.edit --to diffusers --out dog-model \\\n"
    "      --model CompVis/stable-diffusion-v1-4\n"
    "  forgedit export dog.edit --to single-file --out dog.safetensors --dtype fp16 \\\n"
    "      --model CompVis/stable-diffusion-v1-4\n"
    "  forgedit export dog.edit --to lora --out dog-lora.safetensors --energy 0.9 \\\n"
    "      --model CompVis/stable-diffusion-v1-4";

struct ExportCommand {
  std::string saved, out;
  ExportRequest request;
  ModelRequest model;

  void run() {
    request.learned = saved;
    request.out = out;
    model.precision = Precision::fp32;  // so that the written weights are not rounded
    Console console;
    say_which_model(model, console);
    Engine(find_places(), {model, /*keep_warm=*/false}).run(request, program_stop(), console);
  }
};

}  // namespace

Command add_export_command(CLI::App& program) {
  const auto state = std::make_shared<ExportCommand>();
  auto* command = program.add_subcommand("export", "Write a saved edit as a model for other programs.");
  auto& request = state->request;
  command->add_option("SAVED_EDIT", state->saved, "saved edit, of `forgedit learn` or `forgedit edit --save`")
      ->type_name("DIR")
      ->required();
  command
      ->add_option("--to", request.to,
                   "a diffusers folder, one checkpoint with LDM names, or a LoRA with kohya's names")
      ->type_name("diffusers|single-file|lora")
      ->required();
  command->add_option("--out", state->out, "a new folder (diffusers), or a new .safetensors file")
      ->type_name("PATH")
      ->required();
  command->add_option("--forget", request.forget, "forgetting strategy, as for `edit`")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--blend", request.blend, "value of the forgotten weights: 0 is original, 1 is learned")
      ->check(within(0, 1))
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--dtype", request.dtype, "dtype of the written weights")
      ->type_name("fp16|bf16|fp32")
      ->capture_default_str();
  command->add_option("--rank", request.rank, "lora: rank of every layer [64]")
      ->check(within(1, 4096))
      ->type_name("N");
  command
      ->add_option("--energy", request.energy,
                   "lora: instead of a rank, keep this share of each layer's squared weight change")
      ->check(within(0.01, 1))
      ->type_name("SHARE");
  add_model_options(*command, state->model);
  command->footer(kExportFooter);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
