#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include "apps/cli/captioning.h"
#include "apps/cli/commands.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/pictures.h"
#include "forgedit/core/error.h"

namespace forgedit::cli {
namespace {

/// `text` as one word of a shell's command line.
std::string shell_word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || std::strchr("_-./+=:@%", c) || c >= 0x80;
  };
  if (std::all_of(text.begin(), text.end(), plain)) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

struct LearnCommand {
  LearnArguments learning;
  std::string target;
  ModelOptions model;

  /// Imagic starts from the target prompt instead of a source.
  void take_target() {
    const bool imagic = learning.options.method == LearnMethod::imagic;
    if (!imagic && !target.empty()) throw usage_error("--target belongs to --method imagic");
    if (imagic) use_target_as_source(learning, target);
  }

  void run() {
    Console console;
    if (learning.save.empty()) throw usage_error("--save DIR is needed: where to keep what is learned");
    take_target();
    check_learn_arguments(learning);
    const SaveLock lock(learning.save);
    const auto picture = read_picture(learning.image, learning.background);
    const auto choice = choose_model(model, console);
    prepare_learning(learning, picture, choice);
    if (learning.source.empty()) {
      learning.source = write_source(learning.captioner, {}, picture, choice, console);
    }
    auto network = load_model(choice, console, [&](const StableDiffusion& loaded) {
      return learning_need(learning, picture, loaded);
    });
    auto learned = picture_to_learn(learning, picture, choice, network);
    if (is_saved_already(learning, learned)) {
      console.note(learning.save + " holds the same picture, learned with the same settings: it is kept");
      console.result(learning.save);
      return;
    }
    learn_and_save(learned, learning, choice, network, console);
    console.note("next: forgedit edit --from " + shell_word(learning.save) + " TARGET" +
                 (model.folder.empty() ? "" : " --model " + shell_word(model.folder)));
  }
};

constexpr const char* kFooter =
    "Example:\n"
    "  forgedit learn dog.jpg --source \"a dog on a lawn\" --save dog.edit --model sd-1.4\n"
    "  forgedit edit --from dog.edit \"a dog on a beach\" --model sd-1.4\n";

}  // namespace

Command add_learn_command(CLI::App& program) {
  const auto state = std::make_shared<LearnCommand>();
  auto* command =
      program.add_subcommand("learn", "Learn a picture once, to edit it later as often as wanted.");
  command->add_option("IMAGE", state->learning.image, "PNG, JPEG, WebP, HEIC or AVIF")->required();
  add_picture_options(*command, state->learning);
  command->add_option("--target", state->target, "imagic: the edit to learn for, instead of --source")
      ->type_name("TEXT")
      ->group("Picture");
  add_method_options(*command, state->learning);
  command->add_option("--seed", state->learning.options.seed, "decides noise and timesteps")
      ->check(within(0, 9e18))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group("Learning");
  add_model_options(*command, state->model);
  add_memory_option(*command, state->model);
  command->footer(kFooter + methods_help());
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
