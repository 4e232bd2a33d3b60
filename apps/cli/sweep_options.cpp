#include "apps/cli/sweep_options.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>

#include "apps/cli/model_options.h"
#include "forgedit/core/error.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/choice/auto_search.h"

namespace forgedit::cli {
namespace {

/// The help for samplers: "ddim (as published) or dpm++ (…)".
std::string samplers_help() {
  std::string text;
  for (const auto& sampler : samplers()) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : " or ", sampler.name, sampler.summary);
  }
  return text;
}

/// The help for default steps: "[ddim 50, dpm++ 20, or the model's own default]".
std::string default_steps_help() {
  std::string text;
  for (const auto& sampler : samplers()) {
    text += fmt::format("{}{} {}", text.empty() ? "[" : ", ", sampler.name, sampler.default_steps);
  }
  return text + ", or the model's own default]";
}

}  // namespace

void add_sweep_options(CLI::App& command, SweepRequest& a) {
  const auto add = [&](const char* name, const char* type, const char* text, const char* default_text,
                       std::function<void(const std::string&)> take_text) {
    command.add_option_function<std::string>(name, std::move(take_text), text)
        ->type_name(type)
        ->default_str(default_text)
        ->group("Sweep");
  };
  add("--forget", "LIST", "forgetting strategies (`forgedit help edit` lists them)", "donotforget",
      [&](const std::string& text) { a.forget = parse_words("forget", text); });
  add("--interpolation", "vs|vp", "vector subtraction (γ) or projection (α, β)", "vs",
      [&](const std::string& text) { a.interpolation = parse_interpolation(text); });
  add("--gamma", "LIST", "vs: strength of the edit; with imagic: Imagic's α [1.2]", "0.6:1.4:0.2",
      [&](const std::string& text) { a.gamma = parse_numbers("gamma", text); });
  add("--alpha", "LIST", "vp: strength of the identity", "0.9",
      [&](const std::string& text) { a.alpha = parse_numbers("alpha", text); });
  add("--beta", "LIST", "vp: strength of the edit", "0.8:1.6:0.2",
      [&](const std::string& text) { a.beta = parse_numbers("beta", text); });
  add("--seeds", "LIST", "noise seeds; the first one also seeds fine-tuning", "0",
      [&](const std::string& text) { a.seeds = parse_seeds("seeds", text); });
  command.add_option("--repeat", a.repeat, "use N consecutive seeds, starting at each given seed [1]")
      ->check(within(1, 1000))
      ->type_name("N")
      ->group("Sweep");
  command
      .add_flag_callback(
          "--unlearned", [&a] { a.unlearned = true; },
          "also generate with the untouched model, for comparison")
      ->group("Sweep");
  command
      .add_option_function<std::string>(
          "--sampler", [&](const std::string& text) { a.sampler = find_sampler(text).kind; }, samplers_help())
      ->type_name("NAME")
      ->default_str(samplers().front().name)
      ->group("Sampling");
  command.add_option("--steps", a.steps, "sampling steps " + default_steps_help())
      ->check(within(1, kMaxSteps))
      ->type_name("NUMBER")
      ->group("Sampling");
  command
      .add_option("--guidance-scale,--guidance", a.guidance_scale,
                  fmt::format("classifier-free guidance (CFG) scale [{}, or the model's own default]",
                              SampleOptions().guidance_scale))
      ->check(within(0, 100))
      ->type_name("NUMBER")
      ->group("Sampling");
  command.add_option("--negative,--negative-prompt", a.negative, "negative prompt [empty]")
      ->type_name("TEXT")
      ->group("Sampling");
  command
      .add_option(
          "--start", a.start,
          "share of the sampling steps that edits take, from the original with noise (denoising strength); "
          "1 starts from pure noise [1]")
      ->check(within(kLeastStart, 1))
      ->type_name("SHARE")
      ->group("Sampling");
  command
      .add_flag_callback(
          "--protect", [&a] { a.protect = true; },
          "edits change only the part of the picture in which the model predicts a change for the prompt "
          "(docs/keeping.md)")
      ->group("Sampling");
}

void add_draw_options(CLI::App& command, DrawOptions& options) {
  command.add_option("--blend", options.blend, "value of the forgotten weights: 0 is original, 1 is learned")
      ->check(within(0, 1))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group("Sampling");
  command
      .add_option("--draw-batch", options.batch,
                  "images per batch [4 on a CPU, 8 on a GPU, 3 for edit --auto on a GPU in bf16]")
      ->check(within(1, 1000))
      ->type_name("NUMBER")
      ->group("Sampling");
}

void add_result_options(CLI::App& command, EditJob& job) {
  command
      .add_option_function<std::string>(
          "--mask", [&job](const std::string& text) { job.mask = text; },
          "mask of the picture's size: edits change the picture only where the mask is white or transparent")
      ->type_name("FILE")
      ->group("Results");
  command
      .add_option_function<std::string>(
          "--region", [&job](const std::string& text) { job.region = parse_region("region", text); },
          "edit only this part of a large picture: upper left corner and size in pixels. Each image has the "
          "size of the whole picture; pixels outside of the part are unchanged")
      ->type_name("X,Y,WIDTH,HEIGHT")
      ->group("Results");
  command
      .add_option_function<std::string>(
          "--output-size", [&job](const std::string& text) { job.at_source_size = text == "source"; },
          "model: as generated; source: scaled to the size of the input picture (with --region always)")
      ->check(either("model", "source"))
      ->type_name("model|source")
      ->default_str("model")
      ->group("Results");
  command
      .add_flag_callback(
          "--no-metadata", [&job] { job.metadata = false; }, "do not store the settings in the PNG files")
      ->group("Results");
  command
      .add_option_function<std::string>(
          "--safety",
          [&job](const std::string& text) {
            job.safety = with_field("safety", [&] { return parse_safety_mode(text); });
          },
          "use the model's safety_checker/: report records its verdict on each image, withhold also writes "
          "no image that it flags")
      ->type_name("off|report|withhold")
      ->default_str("off")
      ->group("Results");
}

void add_auto_options(CLI::App& command, AutoOptions& a) {
  command
      .add_flag("--auto", a.on,
                "search strategies, strengths and seeds for the best trade-off of edit (CLIP; without it the "
                "diffusion model itself) and faithfulness (LPIPS or SSIM), and report the best three")
      ->group("Automatic choice");
  command
      .add_option("--auto-pictures", a.request.pictures,
                  fmt::format("candidates per prompt [{}]", kAutoPictures))
      ->check(within(1, kMostAutoPictures))
      ->type_name("N")
      ->group("Automatic choice");
  command
      .add_option(
          "--auto-steps", a.request.steps,
          fmt::format("sampling steps of a candidate; the best three are generated again with --steps "
                      "if that is more [{}]",
                      kAutoSteps))
      ->check(within(1, kMaxSteps))
      ->type_name("N")
      ->group("Automatic choice");
  command
      .add_option(
          "--auto-seconds", a.request.seconds,
          "stop generating candidates after this many seconds; the result then depends on the speed of "
          "the machine")
      ->check(within(1, 1e6, "seconds"))
      ->type_name("SECONDS")
      ->group("Automatic choice");
  add_score_options(command, a.request.judge);
}

std::optional<AutoRequest> auto_request(const AutoOptions& a) {
  if (a.on) return a.request;
  const auto& request = a.request;
  const char* stray = request.pictures               ? "--auto-pictures"
                      : request.seconds              ? "--auto-seconds"
                      : request.steps                ? "--auto-steps"
                      : !request.judge.clip.empty()  ? "--clip"
                      : !request.judge.lpips.empty() ? "--lpips"
                                                     : nullptr;
  if (stray) throw usage_error(std::string(stray) + " needs --auto");
  return std::nullopt;
}

}  // namespace forgedit::cli
