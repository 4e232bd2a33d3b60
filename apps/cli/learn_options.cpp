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
          "colour under transparent pictures: #rrggbb, white, black or grey")
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
                  "what the picture shows, in words [what the captioner writes]"),
              "TEXT");
  options.add(command.add_option("--captioner", request.captioner,
                                 "BLIP folder that writes the source [MODEL/captioner]"),
              "DIR");
  options.add(
      command.add_option_function<std::string>(
          "--size", [&](const std::string& text) { request.size = parse_size("size", text); },
          "stretch to exactly this (multiples of 64, of 32 for SDXL and the miniature); else the shape is "
          "kept"),
      "WxH");
  options.add(add_background_option(command, request.background), "COLOUR");
  options.add(command.add_option("--save", request.save, "keep what was learned in this folder"), "DIR");
  options.add(command.add_flag("--overwrite", request.overwrite,
                               "--save may replace what was learned of another picture, or in another way"),
              "");
  return options.take();
}

std::vector<CLI::Option*> add_method_options(CLI::App& command, LearnRequest& request) {
  auto& o = request.options;
  OptionList options("Learning");
  // CLI11 takes options in the order in which they are added: numbers come after the method that sets them
  // all.
  options.add(
      command
          .add_option_function<std::string>(
              "--method", [&](const std::string& text) { o = published_options(parse_learn_method(text)); },
              "how to learn (`forgedit help edit` has the methods)")
          ->default_str("vanilla"),
      "NAME");
  options.add(command
                  .add_option_function<std::string>(
                      "--learn", [&](const std::string& text) { set_tuning(o, parse_tuning(text)); },
                      "what learns: the UNet's weights, or a LoRA on its attention (less memory; other "
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
                  "which UNet blocks learn: as vanilla's published code or paper has it, or all"),
              "code|paper|all");
  options.add(
      command.add_flag_function(
          "--stratified-timesteps,!--uniform-timesteps",
          [&request](std::int64_t count) {
            request.options.stratified_timesteps = count > 0;
            request.chosen.insert("stratified_timesteps");
          },
          "a batch takes one timestep from each of equal parts of the schedule, or any from anywhere"),
      "");
  options.add(
      command.add_flag("--fast", o.fast,
                       "on a GPU: learns faster, but no two runs give the same bytes; kept in the record"),
      "");
  return options.take();
}

void add_dry_run_option(CLI::App& command, bool& dry_run) {
  command.add_flag("--dry-run", dry_run, "only check everything, and say what would be done and written")
      ->group("Results");
}

std::string methods_help() {
  std::string text =
      "\nMethods and their published numbers, which options change one by one. A model folder may have "
      "defaults "
      "of its own for vanilla\n(forgedit.json, shown by `forgedit inspect`), and the miniature has; "
      "--preset published ignores them.\n";
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
