#include "apps/cli/learning.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/cli/interrupt.h"
#include "apps/cli/lists.h"
#include "forgedit/core/error.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/model_domain.h"
#include "forgedit/pipelines/learning/learn_picture.h"
#include "forgedit/pipelines/records/settings_json.h"
#include "forgedit/pipelines/sampling/draw_candidates.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kStableDiffusionSize = 512;

/// Fewer samples than were asked for are never silent.
void say_how_it_ended(const LearnedPicture& learned, Console& console) {
  const auto& o = learned.options;
  const auto first = o.embedding_samples / o.batch, planned = first + o.samples / o.batch;
  const auto done = static_cast<std::int64_t>(learned.result.losses.size());
  // In its last step too learning may end before the weights change.
  const bool last_left_out =
      learned.result.losses.back() < o.stop_loss && (done - first - 1) * o.batch > o.stop_after;
  if (done < planned || last_left_out) {
    console.note(fmt::format("learning ended early: loss {:.4f} is under --stop-loss {}",
                             learned.result.losses.back(), o.stop_loss));
  } else if (planned * o.batch != o.embedding_samples + o.samples) {
    console.note(fmt::format("learned from {} samples: whole batches of {}", planned * o.batch, o.batch));
  }
}

void warn(const std::string& text) {
  if (!text.empty()) spdlog::warn(text);
}

}  // namespace

void require_text(const std::string& what, const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw usage_error(what + " is empty: say what the picture shows");
  }
}

void check_folder_can_be_made(const fs::path& folder) {
  std::error_code error;
  auto place = fs::absolute(folder, error).lexically_normal();
  while (!fs::exists(place, error) && !error && place.has_relative_path()) place = place.parent_path();
  if (error) throw failure(one_line(folder.string()) + ": cannot be made: " + error.message());
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
  options.add(command.add_option_function<std::string>(
                  "--source",
                  [&](const std::string& text) {
                    require_text("--source", text);
                    arguments.source = text;
                  },
                  "what the picture shows, in words [what the captioner writes]"),
              "TEXT");
  options.add(command.add_option("--captioner", arguments.captioner,
                                 "BLIP folder that writes the source [MODEL/captioner]"),
              "DIR");
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
  options.add(command.add_flag("--overwrite", arguments.overwrite,
                               "--save may replace what was learned of another picture, or in another way"),
              "");
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
              "how to learn (`forgedit help edit` has the methods)")
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
  options.add(
      command.add_flag("--fast", o.fast,
                       "on a GPU: learns faster, but no two runs give the same bytes; kept in the record"),
      "");
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
  if (!arguments.source.empty() && !arguments.captioner.empty()) {
    throw usage_error("--captioner has no place beside --source: one of them says what the picture shows");
  }
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

namespace {

Frame frame_of(const Image& picture, const LearnArguments& arguments, const PictureGrid& grid) {
  try {
    return frame_picture(picture.width, picture.height, arguments.size, grid);
  } catch (const Error& error) {
    if (!arguments.size) throw;
    throw Error(error.kind(), std::string("--size: ") + error.what());
  }
}

/// All that is known of a picture before the model is read.
LearnedPicture described(const LearnArguments& arguments, const Image& picture, const ModelChoice& choice,
                         const PictureGrid& grid) {
  LearnedPicture learned;
  learned.picture_name = fs::path(arguments.image).filename().string();
  learned.source = arguments.source;
  learned.base_name = choice.name();
  learned.software = "forgedit " FORGEDIT_VERSION;
  learned.precision = precision_name(choice.policy.precision);
  learned.options = arguments.options;
  learned.background = fmt::format("#{:02x}{:02x}{:02x}", arguments.background[0], arguments.background[1],
                                   arguments.background[2]);
  learned.stretched = arguments.size.has_value();
  learned.frame = frame_of(picture, arguments, grid);
  learned.grid = lay_into_grid(picture, learned.frame, learned.stretched);
  return learned;
}

}  // namespace

void prepare_learning(LearnArguments& arguments, const Image& picture, const ModelChoice& choice) {
  const auto grid = read_picture_grid(choice.folder);
  if (arguments.story_size && !arguments.size) {
    const auto side = static_cast<int>((grid ? grid->native_size : kStableDiffusionSize) * 3 / 2);
    arguments.size = {side, side};
  }
  if (grid) is_saved_already(arguments, described(arguments, picture, choice, *grid));
}

MemoryTask learning_need(const LearnArguments& arguments, const Image& picture,
                         const StableDiffusion& model) {
  const auto frame = frame_of(picture, arguments, {model.size_multiple(), model.native_size()});
  auto task = model.memory_task(frame.grid_width, frame.grid_height);
  add_learning(task, model, arguments.options);
  return task;
}

LearnedPicture picture_to_learn(const LearnArguments& arguments, const Image& picture,
                                const ModelChoice& choice, const StableDiffusion& model) {
  auto learned =
      described(arguments, picture, choice, PictureGrid{model.size_multiple(), model.native_size()});
  learned.base_fingerprint = model.base_fingerprint;
  learned.memory = describe(model.memory);
  return learned;
}

namespace {

fs::path parent_of(const fs::path& place) {
  return FolderLock::beside(place).parent_path();
}

}  // namespace

namespace {

/// The folder in which a result is made and then moved; it exists.
const fs::path& writable(const fs::path& parent) {
  if (::access(parent.c_str(), W_OK) == 0) return parent;
  throw failure(parent.string() +
                ": no permission to write there, where the result is made before it is moved");
}

}  // namespace

SaveLock::SaveLock(const fs::path& save)
    : parent_(parent_of(save)), lock_((writable(parent_of(save)), FolderLock::beside(save)), save.string()) {
  clear_leftovers(parent_of(save));
}

bool is_saved_already(const LearnArguments& arguments, const LearnedPicture& picture) {
  if (arguments.save.empty() || !is_saved_edit(arguments.save)) return false;
  std::string difference;
  try {
    difference = saved_difference(arguments.save, picture);
    // Its hashes are held against its files once all is known.
    if (difference.empty() && !picture.base_fingerprint.empty()) read_saved_edit(arguments.save);
  } catch (const Error& error) {
    if (arguments.overwrite) return false;  // what is damaged may be replaced too
    throw usage_error(std::string(error.what()) + "; give --overwrite to replace it");
  }
  if (difference.empty()) return true;
  if (arguments.overwrite) return false;
  throw usage_error(
      fmt::format("--save {}: holds what was learned {}: name another folder, or give --overwrite",
                  arguments.save, difference));
}

void take_saved(LearnedPicture& learned, const fs::path& saved, const StableDiffusion& model,
                Console& console) {
  auto before = read_saved_edit(saved);
  attach_to_model(before, model, saved.string());
  console.note("learned before, and kept in " + saved.string());
  learned.result = std::move(before.result);
  learned.memory = before.memory;
  learned.software = before.software;
}

void learn_and_save(LearnedPicture& learned, const LearnArguments& arguments, const ModelChoice& choice,
                    StableDiffusion& model, Console& console) {
  console.note(fmt::format("picture {}x{}, learned at {}x{}", learned.frame.source_width,
                           learned.frame.source_height, learned.frame.width, learned.frame.height));
  const auto encoded = encode_picture(model, learned.grid, learned.options.seed);
  if (choice.miniature) warn(warn_of_round_trip(model, encoded, learned));
  reset_peak_memory(model.policy.device);
  learned.result = learn_picture(model, encoded, learned.source, learned.options,
                                 [&](const Progress& progress) { console.progress(progress); });
  console.end_stage();
  say_how_it_ended(learned, console);
  if (choice.miniature) warn(warn_of_first_losses(learned.result.losses));
  if (model.policy.device.is_cuda()) {
    console.note(fmt::format("learning took at most {:.1f} GiB of GPU memory",
                             static_cast<double>(peak_memory(model.policy.device)) / (1U << 30)));
  }
  if (!arguments.save.empty()) {
    allow_long_pause();
    write_saved_edit(arguments.save, learned);
    console.result(arguments.save);
  }
}

}  // namespace forgedit::cli
