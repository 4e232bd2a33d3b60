#include "apps/cli/sweep.h"

#include <CLI/CLI.hpp>

#include "apps/cli/lists.h"
#include "forgedit/core/error.h"
#include "forgedit/jobs/story.h"

namespace forgedit::cli {
namespace {

SweepArguments::Preset parse_preset(const std::string& text) {
  if (text == "published") return SweepArguments::Preset::published;
  if (text == "story") return SweepArguments::Preset::story;
  throw usage_error("--preset: expected published or story, got '" + text + "'");
}

EditRequest preset_request(SweepArguments::Preset preset, LearnMethod method) {
  switch (preset) {
    case SweepArguments::Preset::published:
      return published_sweep(method);
    case SweepArguments::Preset::story:
      return story_sweep(method);
    case SweepArguments::Preset::none:
      break;
  }
  return default_sweep(method);
}

template <typename Value>
void take(Value& value, const std::optional<Value>& given) {
  if (given) value = *given;
}

}  // namespace

void add_sweep_options(CLI::App& command, SweepArguments& a) {
  const auto add = [&](const char* name, const char* type, const char* text, const char* default_text,
                       std::function<void(const std::string&)> take_text) {
    command.add_option_function<std::string>(name, std::move(take_text), text)
        ->type_name(type)
        ->default_str(default_text)
        ->group("Sweep");
  };
  add("--preset", "NAME",
      "published: γ or β 0.0:1.6:0.1, α 0.8,0.9,1.1, four repeats (dreambooth: γ or β 0.8:1.6:0.1, α "
      "0.8,0.9, "
      "ten); story: γ 0.5:0.7:0.1, encoderkv, four repeats, learned at 768x768",
      "", [&](const std::string& text) { a.preset = parse_preset(text); });
  add("--forget", "LIST", "forgetting strategies (`forgedit help edit` names them)", "donotforget",
      [&](const std::string& text) { a.strategies = parse_words("--forget", text); });
  add("--interpolation", "vs|vp", "vector subtraction (γ) or projection (α, β)", "vs",
      [&](const std::string& text) { a.interpolation = parse_interpolation(text); });
  add("--gamma", "LIST", "vs: how far to go towards the target (imagic's α; its default is 1.2)",
      "0.6:1.4:0.2", [&](const std::string& text) { a.gammas = parse_numbers("--gamma", text); });
  add("--alpha", "LIST", "vp: how much identity to keep", "0.9",
      [&](const std::string& text) { a.alphas = parse_numbers("--alpha", text); });
  add("--beta", "LIST", "vp: how much of the edit to add", "0.8:1.6:0.2",
      [&](const std::string& text) { a.betas = parse_numbers("--beta", text); });
  add("--seeds", "LIST", "of the first noise; the first seed also decides learning", "0",
      [&](const std::string& text) { a.seeds = parse_seeds("--seeds", text); });
  command.add_option("--repeat", a.repeat, "draw with this many consecutive seeds from each given one [1]")
      ->check(within(1, 1000))
      ->type_name("N")
      ->group("Sweep");
  command.add_flag("--unlearned", a.unlearned, "also a row by the model before learning")->group("Sweep");
  const auto add_number = [&](const char* name, auto& value, double low, double high, const char* text) {
    command.add_option(name, value, text)
        ->check(within(low, high))
        ->type_name("NUMBER")
        ->capture_default_str()
        ->group("Drawing");
  };
  command
      .add_option_function<std::string>(
          "--sampler", [&](const std::string& text) { a.sample.sampler = parse_sampler(text); },
          "ddim, as published, or dpm++ (DPM-Solver++ 2M), which needs fewer steps")
      ->type_name("NAME")
      ->default_str("ddim")
      ->group("Drawing");
  command.add_option("--steps", a.steps, "steps of the sampler [ddim 50, dpm++ 20]")
      ->check(within(1, kMaxSteps))
      ->type_name("NUMBER")
      ->group("Drawing");
  add_number("--guidance", a.sample.guidance_scale, 0, 100, "guidance against the empty text");
}

void check_interpolation(const SweepArguments& arguments, Interpolation interpolation) {
  const bool vs = interpolation == Interpolation::vector_subtraction;
  const char* stray = vs ? (arguments.alphas  ? "--alpha"
                            : arguments.betas ? "--beta"
                                              : nullptr)
                         : (arguments.gammas ? "--gamma" : nullptr);
  if (!stray) return;
  throw usage_error(std::string(stray) + " belongs to --interpolation " + (vs ? "vp" : "vs"));
}

void add_draw_options(CLI::App& command, DrawOptions& options) {
  command.add_option("--blend", options.blend, "forgotten weights: 0 original, 1 learned")
      ->check(within(0, 1))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group("Drawing");
  command.add_option("--draw-batch", options.batch, "pictures drawn at once [4 on a CPU, 8 on a GPU]")
      ->check(within(1, 1000))
      ->type_name("NUMBER")
      ->group("Drawing");
}

EditRequest make_request(const SweepArguments& a, LearnMethod method, std::vector<std::string> targets) {
  auto request = a.automatic && a.preset == SweepArguments::Preset::none ? auto_sweep(method)
                                                                         : preset_request(a.preset, method);
  request.targets = std::move(targets);
  take(request.strategies, a.strategies);
  take(request.interpolation, a.interpolation);
  take(request.gammas, a.gammas);
  take(request.alphas, a.alphas);
  take(request.betas, a.betas);
  take(request.repeat, a.repeat);
  request.seeds = a.seeds;
  request.unlearned = a.unlearned;
  request.sample = a.sample;
  request.sample.steps = a.steps.value_or(default_steps(a.sample.sampler));
  return request;
}

}  // namespace forgedit::cli
