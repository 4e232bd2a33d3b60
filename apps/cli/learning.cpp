#include "apps/cli/learning.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "apps/cli/lists.h"
#include "forgedit/core/error.h"
#include "forgedit/io/resample.h"
#include "forgedit/metrics/image_quality.h"
#include "forgedit/pipelines/edit.h"
#include "forgedit/pipelines/picture.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
// Under this the VAE does not know the picture's domain, and no edit can look better than the VAE.
constexpr double kMinRoundTrip = 22.0;

Frame frame_for(const Image& picture, const LearnArguments& arguments, const StableDiffusion& model) {
  const auto multiple = static_cast<int>(model.size_multiple());
  if (!arguments.size) {
    const auto area = model.native_size() * model.native_size();
    return fit_frame(picture.width, picture.height, area, multiple);
  }
  try {
    return stretch_frame(picture.width, picture.height, arguments.size->first, arguments.size->second,
                         multiple);
  } catch (const Error& error) {
    throw Error(error.kind(), std::string("--size: ") + error.what());
  }
}

/// The published way resizes with Pillow's default, bicubic; to_grid with Lanczos.
Image grid_of(const Image& picture, const Frame& frame, bool stretched) {
  return stretched ? resize(picture, frame.grid_width, frame.grid_height, Resample::bicubic)
                   : to_grid(picture, frame);
}

/// Fewer samples than were asked for are never silent.
void say_how_it_ended(const LearnedPicture& learned, Console& console) {
  const auto& o = learned.options;
  const auto planned = o.samples / o.batch, done = static_cast<std::int64_t>(learned.result.losses.size());
  if (done < planned || learned.result.losses.back() < o.stop_loss) {
    console.note(fmt::format("learning ended early: loss {:.4f} is under --stop-loss {}",
                             learned.result.losses.back(), o.stop_loss));
  } else if (planned * o.batch != o.samples) {
    console.note(fmt::format("learned from {} samples: whole batches of {}", planned * o.batch, o.batch));
  }
}

void warn_about_domain(StableDiffusion& model, const EncodedPicture& encoded, const LearnedPicture& picture) {
  const auto round_trip = tensor_to_image(model.decode_latents(encoded.latents)[0]);
  const double quality = psnr(from_grid(round_trip, picture.frame), from_grid(picture.grid, picture.frame));
  if (quality < kMinRoundTrip) {
    spdlog::warn(
        "the miniature returns this picture at {:.1f} dB, under {:.0f}: it lies outside of what the "
        "miniature knows, and so will the edits",
        quality, kMinRoundTrip);
  }
}

}  // namespace

void require_text(const std::string& what, const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw usage_error(what + " is empty: say what the picture shows");
  }
}

void check_folder_can_be_made(const fs::path& folder) {
  auto place = fs::absolute(folder).lexically_normal();
  std::error_code error;
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  if (!fs::is_directory(place, error)) {
    throw usage_error(place.string() + ": expected a directory, found a file");
  }
  if (::access(place.c_str(), W_OK) != 0) throw failure(place.string() + ": no permission to write there");
}

std::vector<CLI::Option*> add_learn_options(CLI::App& command, LearnArguments& arguments) {
  auto& o = arguments.options;
  std::vector<CLI::Option*> added;
  const auto add = [&](CLI::Option* option, const char* type, const char* group) {
    added.push_back(option->type_name(type)->group(group));
  };
  const auto add_number = [&](const char* name, auto& value, double low, double high, const char* text) {
    add(command.add_option(name, value, text)->check(within(low, high))->capture_default_str(), "NUMBER",
        "Learning");
  };
  const char* picture = "Picture";
  add(command.add_option("--source", arguments.source, "what the picture shows, in words"), "TEXT", picture);
  add(command.add_option_function<std::string>(
          "--size", [&](const std::string& text) { arguments.size = parse_size("--size", text); },
          "stretch to exactly this (multiples of 32 for the miniature, 64 for SD 1.x); else the shape is "
          "kept"),
      "WxH", picture);
  add(command
          .add_option_function<std::string>(
              "--background",
              [&](const std::string& text) { arguments.background = parse_colour("--background", text); },
              "colour under transparent pictures: #rrggbb, white, black or grey")
          ->default_str("white"),
      "COLOUR", picture);
  add(command.add_option("--save", arguments.save, "keep what was learned in this folder"), "DIR", "Picture");

  add_number("--samples", o.samples, 1, 1e6, "noisy samples to learn from");
  add_number("--batch", o.batch, 1, 1e4, "samples a step");
  add_number("--unet-lr", o.unet_lr, 0, 1, "learning rate of the UNet");
  add_number("--text-lr", o.text_lr, 0, 1, "learning rate of the source embedding");
  add_number("--beta1", o.beta1, 0, 0.999999, "Adam's β1");
  add_number("--beta2", o.beta2, 0, 0.999999, "Adam's β2");
  add_number("--adam-eps", o.adam_eps, 0, 1, "Adam's ε; the published loop's is 1e-8/65536 in effect");
  add_number("--stop-loss", o.stop_loss, 0, 1e6, "end early under this loss ...");
  add_number("--stop-after", o.stop_after, 0, 1e6, "... once this many samples were drawn");
  add(command
          .add_option_function<std::string>(
              "--layers", [&](const std::string& text) { o.layers = parse_layer_scope(text); },
              "which UNet blocks learn, as the published code or the paper has it")
          ->default_str("code"),
      "code|paper", "Learning");
  return added;
}

void check_learn_arguments(const LearnArguments& arguments) {
  if (arguments.source.empty()) {
    throw usage_error("--source TEXT is needed: say what the picture shows, for example --source \"a dog\"");
  }
  require_text("--source", arguments.source);
  if (arguments.options.samples < arguments.options.batch) {
    throw usage_error(fmt::format("--samples: expected at least one batch of {}, got {}",
                                  arguments.options.batch, arguments.options.samples));
  }
  if (arguments.save.empty()) return;
  check_saved_edit_target(arguments.save);
  check_folder_can_be_made(arguments.save);
}

LearnedPicture learn_and_save(const LearnArguments& arguments, const Image& picture,
                              const ModelChoice& choice, StableDiffusion& model, Console& console) {
  LearnedPicture learned;
  learned.picture_name = fs::path(arguments.image).filename().string();
  learned.source = arguments.source;
  learned.base_name = choice.name();
  learned.base_fingerprint = model.base_fingerprint;
  learned.software = "forgedit " FORGEDIT_VERSION;
  learned.options = arguments.options;
  learned.background = fmt::format("#{:02x}{:02x}{:02x}", arguments.background[0], arguments.background[1],
                                   arguments.background[2]);
  learned.stretched = arguments.size.has_value();
  learned.frame = frame_for(picture, arguments, model);
  learned.grid = grid_of(picture, learned.frame, learned.stretched);
  console.note(fmt::format("picture {}x{}, learned at {}x{}", picture.width, picture.height,
                           learned.frame.width, learned.frame.height));

  const auto encoded = encode_picture(model, learned.grid, learned.options.seed);
  if (choice.miniature) warn_about_domain(model, encoded, learned);
  reset_peak_memory(model.policy.device);
  learned.result = learn_picture(model, encoded, learned.source, learned.options,
                                 [&](const Progress& progress) { console.progress(progress); });
  console.end_stage();
  say_how_it_ended(learned, console);
  if (const auto peak = peak_memory(model.policy.device); peak > 0) {
    console.note(fmt::format("learning took at most {:.1f} GiB of GPU memory",
                             static_cast<double>(peak) / (1U << 30)));
  }
  if (!arguments.save.empty()) {
    write_saved_edit(arguments.save, learned);
    console.result(arguments.save);
  }
  return learned;
}

}  // namespace forgedit::cli
