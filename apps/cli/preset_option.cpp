#include "apps/cli/preset_option.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/cli/as_typed.h"
#include "apps/cli/option_table.h"
#include "apps/common/places.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/presets.h"
#include "forgedit/jobs/sweep.h"

namespace forgedit::cli {
namespace {

constexpr const char* kOwn = "; or one of your own (docs/requests.md#presets)";

/// The option for a setting of a preset, or null. A command that only fine-tunes has --seed instead of
/// --seeds.
CLI::Option* option_of(CLI::App& command, const std::string& setting) {
  auto name = "--" + setting;
  std::replace(name.begin(), name.end(), '_', '-');
  auto* option = command.get_option_no_throw(name);
  return option || setting != "seeds" ? option : command.get_option_no_throw("--seed");
}

void fill_in(CLI::App& command, const UserPreset& preset, const std::vector<CLI::Option*>& skipped) {
  for (const auto& [setting, values] : preset.settings) {
    auto* option = option_of(command, setting);
    const bool is_skipped = std::count(skipped.begin(), skipped.end(), option) > 0;
    if (!option || is_skipped || option->count() > 0) continue;
    if (setting == "seeds" && option->check_lname("seed")) {
      option->add_result(std::to_string(preset.first_seed));
      continue;
    }
    for (const auto& value : values) option->add_result(marked_value(value));
  }
}

void add_preset(CLI::App& command, const std::vector<std::string>& built_in, const char* help,
                std::function<void(const std::string&)> take_built_in,
                std::function<std::vector<CLI::Option*>()> skipped) {
  const auto take = [&command, built_in, take_built_in, skipped](const std::string& name) {
    const auto file = presets_file();
    const auto own = read_presets(file, {"published", "story"});
    if (std::count(built_in.begin(), built_in.end(), name) > 0) return take_built_in(name);
    auto known = built_in;
    for (const auto& preset : own) {
      if (preset.name == name)
        return fill_in(command, preset, skipped ? skipped() : std::vector<CLI::Option*>());
      known.push_back(preset.name);
    }
    const auto where = own.empty() && !file.empty() ? "; " + file.string() + " has none" : "";
    throw usage_error("preset",
                      "expected " + joined_words(known, ", ") + ", got '" + one_line(name) + "'" + where);
  };
  command.add_option_function<std::string>("--preset", take, help + std::string(kOwn))
      ->type_name("NAME")
      ->group("Preset");
}

}  // namespace

void add_preset_option(CLI::App& command, SweepRequest& sweep,
                       std::function<std::vector<CLI::Option*>()> skipped) {
  add_preset(
      command, {"published", "story"},
      "published: fine-tuning and sweep of the published code (--gamma or --beta 0.0:1.6:0.1, --alpha "
      "0.8,0.9,1.1, --repeat 4; with dreambooth --gamma or --beta 0.8:1.6:0.1, --alpha 0.8,0.9, "
      "--repeat 10); story: --gamma 0.5:0.7:0.1, --forget encoderkv, --repeat 4, fine-tuning at 1.5 times "
      "the model's image size",
      [&sweep](const std::string& name) { sweep.preset = parse_preset(name); }, std::move(skipped));
}

void add_preset_option(CLI::App& command, LearnRequest& request) {
  add_preset(
      command, {"published"},
      "published: the method's published fine-tuning, without the model's own defaults",
      [&request](const std::string& name) { request.published = is_published_preset(name); }, nullptr);
}

}  // namespace forgedit::cli
