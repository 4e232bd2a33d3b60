#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/common/places.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/pipelines/records/inspect.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit::cli {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const auto& text : texts) result += (result.empty() ? "" : ", ") + text;
  return result;
}

/// A count in thousands or millions: "2.5 K", "859.52 M".
std::string counted(std::uint64_t count, const char* unit = "") {
  const auto number = static_cast<double>(count);
  return number < 1e5 ? fmt::format("{:.1f} K{}", number / 1e3, unit)
                      : fmt::format("{:.2f} M{}", number / 1e6, unit);
}

/// Whether it is a model with everything that editing needs. This is printed, so that nobody has to guess it.
bool is_whole_model(const Inspection& inspection) {
  const auto& parts = inspection.parts;
  const bool is_model =
      std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.name == "UNet"; });
  return is_model && inspection.usable && inspection.missing.empty();
}

void print(const std::string& name, const Inspection& inspection) {
  const auto unusable = inspection.purpose.empty() ? std::string(" (not usable as it is)")
                                                   : " (not usable by forgedit: " + inspection.purpose + ")";
  fmt::print("{}: {}{}\n", name, inspection.what, inspection.usable ? "" : unusable);
  for (const auto& reason : inspection.reasons) fmt::print("  not usable: {}\n", reason);
  for (const auto& part : inspection.parts) {
    std::vector<std::string> types;
    for (const auto& [type, count] : part.types) types.push_back(type);
    fmt::print("  {:24} {:>10} parameters  {:>11}  {}\n", part.name, counted(part.parameters),
               counted(part.bytes, "B"), joined(types));
  }
  for (const auto& note : inspection.notes) fmt::print("  {}\n", note);
  if (!inspection.missing.empty()) fmt::print("  missing: {}\n", joined(inspection.missing));
  if (is_whole_model(inspection)) fmt::print("  nothing is missing: `edit` can use this model\n");
}

struct InspectCommand {
  std::string path;
  bool json = false;

  void run() const {
    const auto place = find_model(path, find_places());
    auto inspection = inspect(place.path);
    for (const auto& file : place.unfinished) inspection.missing.push_back(file + " (unfinished download)");
    if (json) {
      std::puts(json_text(to_json(inspection), 1).c_str());
    } else {
      print(place.name, inspection);
    }
  }
};

}  // namespace

Command add_inspect_command(CLI::App& program) {
  const auto state = std::make_shared<InspectCommand>();
  auto* command = program.add_subcommand(
      "inspect", "Report what a file or folder is, what it contains and what is missing.");
  command
      ->add_option(
          "PATH", state->path,
          "model, checkpoint, LoRA, VAE, text encoder, tokenizer, captioner, CLIP model, saved edit or "
          "results of `edit`; or ORG/NAME in the Hugging Face cache")
      ->type_name("DIR|FILE|ORG/NAME")
      ->required();
  command->add_flag("--json", state->json, "print the report as one JSON object instead of text");
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
