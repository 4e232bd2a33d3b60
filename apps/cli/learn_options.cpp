#include "apps/cli/learn_options.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "forgedit/jobs/learning.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

/// Adds options and remembers them.
class OptionList {
 public:
  explicit OptionList(const char* group) : group_(group) {}
  void add(CLI::Option* option, const char* type) {
    added_.push_back(option->type_name(type)->group(group_));
  }
  std::vector<CLI::Option*> take() { return std::move(added_); }

 private:
  const char* group_;
  std::vector<CLI::Option*> added_;
};

}  // namespace

CLI::Option* add_background_option(CLI::App& command, std::array<std::uint8_t, 3>& background) {
  return command
      .add_option_function<std::string>(
          "--background", [&](const std::string& text) { background = parse_colour("background", text); },
          "background colour for transparent pictures: #rrggbb, white, black or grey")
      ->type_name("COLOUR")
      ->default_str("white");
}

std::vector<CLI::Option*> add_picture_options(CLI::App& command, LearnRequest& request) {
  OptionList options("Picture");
  options.add(command.add_option_function<std::string>(
                  "--source",
                  [&](const std::string& text) {
                    require_text("source", text);
                    request.source = text;
                  },
                  "caption of the picture [written by the captioner]"),
              "TEXT");
  options.add(
      command.add_option("--captioner", request.captioner,
                         "BLIP model that captions the picture: a folder, or ORG/NAME in the Hugging Face "
                         "cache [captioner/ in the model folder, else the published one in the cache]"),
      "DIR|ORG/NAME");
  options.add(command.add_option_function<std::string>(
                  "--size", [&](const std::string& text) { request.size = parse_size("size", text); },
                  "stretch the picture to this size, in multiples of 64 (32 for XL and the miniature) [keeps "
                  "the aspect ratio]"),
              "WxH");
  options.add(add_background_option(command, request.background), "COLOUR");
  auto* save =
      command.add_option("--save", request.save, "save the learned weights in this folder (a saved edit)");
  options.add(save, "DIR");
  options.add(command
                  .add_flag("--overwrite", request.overwrite,
                            "let --save replace a saved edit of another picture or of other settings")
                  ->needs(save),
              "");
  return options.take();
}

std::vector<CLI::Option*> add_method_options(CLI::App& command, LearnRequest& request) {
  auto& o = request.options;
  OptionList options("Fine-tuning");
  // CLI11 handles options in the order in which they are added, so numbers come after the method, which sets
  // all of them.
  options.add(
      command
          .add_option_function<std::string>(
              "--method", [&](const std::string& text) { o = published_options(parse_learn_method(text)); },
              "fine-tuning method (`forgedit help edit` describes the methods)")
          ->default_str("vanilla"),
      "NAME");
  options.add(command
                  .add_option_function<std::string>(
                      "--learn", [&](const std::string& text) { set_tuning(o, parse_tuning(text)); },
                      "what is trained: the UNet's weights, or a LoRA on its attention (less memory, other "
                      "learning rate)")
                  ->default_str("full"),
              "full|lora");
  for (const auto& number : learn_numbers()) {
    auto name = "--" + std::string(number.name);
    std::replace(name.begin() + 2, name.end(), '_', '-');
    auto* option = number.whole ? command.add_option(name, number.whole(o), number.summary)
                                : command.add_option(name, number.real(o), number.summary);
    option->check(within(number.low, number.high))->each([&request, key = number.name](const std::string&) {
      request.chosen.insert(key);
    });
    options.add(option, "NUMBER");
  }
  options.add(command.add_option_function<std::string>(
                  "--layers", [&](const std::string& text) { o.layers = parse_layer_scope(text); },
                  "UNet blocks to train: as in the published code of vanilla, as in the paper, or all [the "
                  "method's]"),
              "code|paper|all");
  const auto choose_timesteps = [&request](bool stratified) {
    request.options.stratified_timesteps = stratified;
    request.chosen.insert("stratified_timesteps");
  };
  auto* stratified = command.add_flag_function(
      "--stratified-timesteps", [choose_timesteps](std::int64_t count) { choose_timesteps(count > 0); },
      "divide the schedule into as many equal parts as a batch has samples, and take one timestep from each "
      "part");
  options.add(stratified, "");
  options.add(command
                  .add_flag_callback(
                      "--uniform-timesteps", [choose_timesteps] { choose_timesteps(false); },
                      "take each timestep from the whole schedule")
                  ->excludes(stratified),
              "");
  options.add(
      command.add_flag(
          "--fast", o.fast,
          "on some GPUs faster fine-tuning; results differ from run to run, and are marked in the record"),
      "");
  return options.take();
}

void add_dry_run_option(CLI::App& command, bool& dry_run) {
  command.add_flag("--dry-run", dry_run, "only check: print the plan and the files that would be written")
      ->group("Results");
}

std::string methods_help() {
  std::string text =
      "\n"
      "Methods with their published values, which options override. A model folder may contain its own\n"
      "defaults for vanilla and for sampling (forgedit.json, shown by `forgedit inspect`), and the\n"
      "miniature's does; --preset published ignores them.\n";
  for (const auto& row : learn_methods()) {
    const auto o = published_options(row.method);
    text += fmt::format("  {:10}  {}\n              ", row.name, row.summary);
    if (o.embedding_samples > 0) text += fmt::format("--embedding-samples {} ", o.embedding_samples);
    text += fmt::format("--samples {} --batch {} --unet-lr {} --text-lr {} --layers {}", o.samples, o.batch,
                        o.unet_lr, o.text_lr, layer_scope_name(o.layers));
    if (o.stop_loss > 0) text += fmt::format(" --stop-loss {} --stop-after {}", o.stop_loss, o.stop_after);
    text += "\n";
  }
  return text;
}

}  // namespace forgedit::cli
