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
  const auto planned = o.embedding_samples / o.batch + o.samples / o.batch;
  const auto done = static_cast<std::int64_t>(learned.result.losses.size());
  if (done < planned || learned.result.losses.back() < o.stop_loss) {
    console.note(fmt::format("learning ended early: loss {:.4f} is under --stop-loss {}",
                             learned.result.losses.back(), o.stop_loss));
  } else if (planned * o.batch != o.embedding_samples + o.samples) {
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

std::vector<CLI::Option*> add_picture_options(CLI::App& command, LearnArguments& arguments) {
  OptionList options("Picture");
  options.add(command.add_option("--source", arguments.source, "what the picture shows, in words"), "TEXT");
  options.add(
      command.add_option_function<std::string>(
          "--size", [&](const std::string& text) { arguments.size = parse_size("--size", text); },
          "stretch to exactly this (multiples of 32 for the miniature, 64 for SD 1.x); else the shape is "
          "kept"),
      "WxH");
  options.add(
      command
          .add_option_function<std::string>(
              "--background",
              [&](const std::string& text) { arguments.background = parse_colour("--background", text); },
              "colour under transparent pictures: #rrggbb, white, black or grey")
          ->default_str("white"),
      "COLOUR");
  options.add(command.add_option("--save", arguments.save, "keep what was learned in this folder"), "DIR");
  return options.take();
}

std::vector<CLI::Option*> add_method_options(CLI::App& command, LearnArguments& arguments) {
  auto& o = arguments.options;
  OptionList options("Learning");
  // CLI11 takes options in the order in which they are added: numbers come after the method that sets them
  // all.
  options.add(
      command
          .add_option_function<std::string>(
              "--method", [&](const std::string& text) { o = published_options(parse_learn_method(text)); },
              "how to learn, see below")
          ->default_str("vanilla"),
      "NAME");
  const auto add_number = [&](const char* name, auto& value, double low, double high, const char* text) {
    options.add(command.add_option(name, value, text)->check(within(low, high)), "NUMBER");
  };
  add_number("--samples", o.samples, 1, 1e6, "noisy samples to learn from");
  add_number("--batch", o.batch, 1, 1e4, "samples a step");
  add_number("--embedding-samples", o.embedding_samples, 1, 1e6,
             "imagic: samples from which the embedding learns alone, beforehand");
  add_number("--unet-lr", o.unet_lr, 0, 1, "learning rate of the UNet");
  add_number("--text-lr", o.text_lr, 0, 1, "learning rate of the text embedding; dreambooth: of the encoder");
  add_number("--beta1", o.adam.beta1, 0, 0.999999, "Adam's β1 [0.9]");
  add_number("--beta2", o.adam.beta2, 0, 0.999999, "Adam's β2 [0.999]");
  add_number("--adam-eps", o.adam.eps, 0, 1, "Adam's ε [1e-8/65536, the published loops' in effect]");
  add_number("--stop-loss", o.stop_loss, 0, 1e6, "end early under this loss ...");
  add_number("--stop-after", o.stop_after, 0, 1e6, "... once this many samples were drawn");
  options.add(command.add_option_function<std::string>(
                  "--layers", [&](const std::string& text) { o.layers = parse_layer_scope(text); },
                  "which UNet blocks learn: as vanilla's published code or paper has it, or all"),
              "code|paper|all");
  return options.take();
}

std::string methods_help() {
  std::string text = "\nMethods and their published numbers, which options change one by one:\n";
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

void use_target_as_source(LearnArguments& arguments, const std::string& target) {
  if (!arguments.source.empty()) {
    throw usage_error("--source has no place with --method imagic: it starts from the target");
  }
  require_text("the target of --method imagic", target);
  arguments.source = target;
}

void check_learn_arguments(const LearnArguments& arguments) {
  if (arguments.source.empty()) {
    throw usage_error("--source TEXT is needed: say what the picture shows, for example --source \"a dog\"");
  }
  require_text("--source", arguments.source);
  const auto& o = arguments.options;
  if (o.samples < o.batch) {
    throw usage_error(
        fmt::format("--samples: expected at least one batch of {}, got {}", o.batch, o.samples));
  }
  const bool imagic = o.method == LearnMethod::imagic;
  if (!imagic && o.embedding_samples > 0) {
    throw usage_error("--embedding-samples belongs to --method imagic");
  }
  if (imagic && o.embedding_samples < o.batch) {
    throw usage_error(fmt::format("--embedding-samples: expected at least one batch of {}, got {}", o.batch,
                                  o.embedding_samples));
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
