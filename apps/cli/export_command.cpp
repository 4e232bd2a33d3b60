#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/model_choice.h"
#include "forgedit/core/error.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/pipelines/records/export.h"

namespace forgedit::cli {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  forgedit export dog.edit --to diffusers --out dog-model --model sd-1.4\n"
    "  forgedit export dog.edit --to single-file --out dog.safetensors --dtype fp16 --model sd-1.4\n"
    "  forgedit export dog.edit --to lora --out dog-lora.safetensors --energy 0.9 --model sd-1.4";

struct ExportCommand {
  std::string saved, format, out;
  ExportOptions options;
  ModelOptions model;
  CLI::Option* rank = nullptr;
  CLI::Option* energy = nullptr;

  void run() {
    options.format = parse_export_format(format);
    if (options.format != ExportFormat::lora && rank->count() + energy->count() > 0) {
      throw usage_error("--rank and --energy belong to --to lora");
    }
    if (rank->count() > 0 && energy->count() > 0) {
      throw usage_error("--rank and --energy exclude each other");
    }
    const SaveLock lock(out);
    check_export_target(out, options.format);
    Console console;
    model.precision = Precision::fp32;  // what is written must not be rounded on the way
    const auto choice = choose_model(model, console);
    auto learned = read_saved_edit(saved);
    find_forgetting_strategy(options.forget, learned.options.method);
    auto network = load_model(choice, console);
    attach_to_model(learned, network, saved);
    throw_if_stopped();
    const auto result = export_learned(network, learned, out, options);
    if (options.format == ExportFormat::lora) report(result, console);
    for (const auto& path : result.written) console.result(path);
  }

  static void report(const ExportResult& result, Console& console) {
    const auto& lora = result.lora;  // each layer's share is in the report
    if (!lora.not_held.empty()) {
      console.note(fmt::format("a LoRA has no place for {} parameters (norms, biases, tables), such as {}",
                               lora.not_held.size(), lora.not_held.front()));
    }
    console.note(fmt::format("kept {:.1f} % of the change of {} layers, {:.1f} % of the whole change",
                             100 * lora.kept(false), lora.layers.size(), 100 * lora.kept(true)));
  }
};

}  // namespace

Command add_export_command(CLI::App& program) {
  const auto state = std::make_shared<ExportCommand>();
  auto* command = program.add_subcommand("export", "Write a saved edit as a model for other programs.");
  auto& options = state->options;
  command->add_option("SAVED_EDIT", state->saved, "folder that `forgedit learn` or --save kept")->required();
  command->add_option("--to", state->format, "a model folder, one checkpoint (LDM names), or only the change")
      ->type_name("diffusers|single-file|lora")
      ->required();
  command->add_option("--out", state->out, "what to write: a new folder, or a new .safetensors file")
      ->type_name("PATH")
      ->required();
  command->add_option("--forget", options.forget, "forgetting strategy, as for `edit`")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--blend", options.blend, "forgotten weights: 0 original, 1 learned")
      ->check(within(0, 1))
      ->type_name("NUMBER")
      ->capture_default_str();
  command
      ->add_option_function<std::string>(
          "--dtype", [&options](const std::string& text) { options.dtype = parse_stored_dtype(text); },
          "of the weights that are written")
      ->type_name("fp16|bf16|fp32")
      ->default_str("fp32");
  state->rank = command->add_option("--rank", options.lora.rank, "lora: rank of every layer")
                    ->check(within(1, 4096))
                    ->type_name("N")
                    ->capture_default_str();
  state->energy =
      command->add_option("--energy", options.lora.energy, "lora: keep this share of each layer's change")
          ->check(within(0.01, 1))
          ->type_name("SHARE");
  add_model_options(*command, state->model);
  command->footer(kFooter);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
