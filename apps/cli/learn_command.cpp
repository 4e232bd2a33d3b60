#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/cli/preset_option.h"
#include "apps/cli/reporter.h"
#include "apps/cli/standard_input.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "forgedit/core/error.h"
#include "forgedit/core/shell_word.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/learning.h"
#include "forgedit/jobs/small_jobs.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

/// The options that select the same model in another command.
std::string options_of(const ModelRequest& model) {
  std::string options;
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) options += " " + option + " " + shell_word(value);
  };
  add("--model", model.model);
  add("--vae", model.vae);
  add("--tokenizer", model.tokenizer);
  add("--config", model.config);
  for (const auto& lora : model.loras) add("--lora", fmt::format("{}:{}", lora.path.string(), lora.scale));
  if (model.clip_skip) add("--clip-skip", std::to_string(*model.clip_skip));
  return options;
}

struct LearnCommand {
  LearnRequest request;
  std::string image;
  ModelRequest model;
  Reporter reporter;

  void run() {
    StandardInputPicture from_input;
    request.picture = from_input.path_of(image);
    check_learn(request);
    say_which_model(model, reporter.listener());
    Engine(find_places(), {model, /*keep_warm=*/false}).run(request, program_stop(), reporter.listener());
    if (request.dry_run) return;
    reporter.listener().note("next: forgedit edit --from " + shell_word(request.save.string()) + " TARGET" +
                             options_of(model));
  }
};

constexpr const char* kLearnFooter =
    "Example:\n"
    "  forgedit learn dog.jpg --source \"a dog on a lawn\" --save dog.edit \\\n"
    "      --model CompVis/stable-diffusion-v1-4\n"
    "  forgedit edit --from dog.edit \"a dog on a beach\" --model CompVis/stable-diffusion-v1-4\n";

}  // namespace

Command add_learn_command(CLI::App& program) {
  const auto state = std::make_shared<LearnCommand>();
  auto* command =
      program.add_subcommand("learn", "Fine-tune on a picture once, and save the result for later edits.");
  command
      ->add_option("IMAGE", state->image,
                   "picture to fine-tune on: PNG, JPEG, WebP, HEIC or AVIF; - is standard input")
      ->type_name("FILE")
      ->required();
  add_preset_option(*command, state->request);
  add_picture_options(*command, state->request);
  command->add_option("--target", state->request.target, "imagic: prompt of the edit, instead of --source")
      ->type_name("TEXT")
      ->group("Picture");
  add_method_options(*command, state->request);
  command->add_option("--seed", state->request.options.seed, "seed of noise and timesteps")
      ->check(within(0, 9e18))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group("Fine-tuning");
  add_dry_run_option(*command, state->request.dry_run);
  state->reporter.add_options(*command);
  add_model_options(*command, state->model);
  add_memory_option(*command, state->model);
  command->footer(kLearnFooter + methods_help());
  return {command, [state] { state->reporter.run([&] { state->run(); }); }};
}

}  // namespace forgedit::cli
