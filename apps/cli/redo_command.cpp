#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/model_options.h"
#include "apps/cli/reporter.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "forgedit/core/error.h"
#include "forgedit/core/staging.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/redo.h"
#include "forgedit/jobs/results_folder.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRedoFooter =
    "The settings are read from the PNG file. The learned weights come from a saved edit of the same\n"
    "picture, caption and settings; without one, the program fine-tunes again on the picture. It looks\n"
    "for both beside IMAGE, one folder above it and in the current folder. On the same machine the\n"
    "pixels are the same; at the end the program reports whether they are.\n"
    "\n"
    "Example:\n"
    "  forgedit redo out/dog-a-dog-on-a-beach/03-*.png --model CompVis/stable-diffusion-v1-4 --out "
    "beach.png\n";

/// Passes on a job's events, except the temporary path of its image.
class RedoListener : public JobListener {
 public:
  explicit RedoListener(JobListener& listener) : listener_(listener) {}

  void note(const std::string& text) override { listener_.note(text); }
  void warning(const std::string& text) override { listener_.warning(text); }
  void plan(const JobPlan& plan) override { listener_.plan(plan); }
  void planned(const nlohmann::json& cells) override { listener_.planned(cells); }
  void progress(const JobProgress& progress) override { listener_.progress(progress); }
  void stage_ended(const std::string& stage, std::int64_t steps, double seconds) override {
    listener_.stage_ended(stage, steps, seconds);
  }
  void learned(const fs::path& folder, const std::vector<double>& losses) override {
    listener_.learned(folder, losses);
  }
  void picture(const std::string&, const fs::path& file, const nlohmann::json&) override { picture_ = file; }
  void file(const fs::path& path) override { listener_.file(path); }
  void alive() override { listener_.alive(); }
  void long_write() override { listener_.long_write(); }
  void stopping() override { listener_.stopping(); }

  const fs::path& picture() const { return picture_; }

 private:
  JobListener& listener_;
  fs::path picture_;
};

class RedoCommand {
 public:
  void add_options(CLI::App& command);
  void run();
  Reporter& reporter() { return reporter_; }

 private:
  fs::path place() const;
  void choose_model(const Redo& redo);

  std::string picture_, out_;
  RedoRequest request_;
  ModelRequest model_;
  Reporter reporter_;
};

void RedoCommand::add_options(CLI::App& command) {
  command.add_option("IMAGE", picture_, "a PNG that forgedit wrote, with its settings inside")
      ->type_name("FILE")
      ->required();
  const auto add = [&](const char* name, fs::path& value, const char* type, const char* text) {
    command.add_option(name, value, text)->type_name(type)->group("Picture");
  };
  add("--from", request_.from, "DIR",
      "the saved edit, of `forgedit learn` or `forgedit edit --save` [searched for]");
  add("--image", request_.original, "FILE", "the picture that was edited [searched for]");
  add("--mask", request_.mask, "FILE", "the mask, if the edit had one");
  add("--save", request_.save, "DIR",
      "if the program fine-tunes again, save the learned weights in this folder");
  command.add_option("--out", out_, "new file for the image [IMAGE-redo.png in the current folder]")
      ->type_name("FILE")
      ->group("Results");
  reporter_.add_options(command);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(kRedoFooter);
}

/// The path of the new image. Throws a usage Error if it exists.
fs::path RedoCommand::place() const {
  const fs::path place = out_.empty() ? fs::path(picture_).stem().string() + "-redo.png" : out_;
  if (place.extension() != ".png")
    throw usage_error("out", place.string() + ": expected a file that ends in .png");
  std::error_code error;
  if (fs::exists(fs::symlink_status(place, error))) {
    throw usage_error("out", place.string() + ": already exists; choose another --out");
  }
  with_field("out", [&] { check_folder_can_be_made(fs::absolute(place).parent_path()); });
  return place;
}

/// Uses the image's precision, and throws Error rather than silently using another model than the image's.
void RedoCommand::choose_model(const Redo& redo) {
  if (!model_.precision && !redo.precision.empty()) {
    model_.precision = with_field("precision", [&] { return parse_precision(redo.precision); });
  }
  if (!model_.model.empty()) return;
  const auto facts =
      Engine(find_places(), {model_, /*keep_warm=*/false}).facts(program_stop(), reporter_.listener());
  if (facts.model == redo.model) return;
  throw usage_error(
      "model", "give the model: " + fs::path(picture_).filename().string() + " was made with " + redo.model);
}

void RedoCommand::run() {
  auto& listener = reporter_.listener();
  const auto out = place();
  request_.picture = picture_;
  const auto beside = fs::absolute(request_.picture).parent_path();
  request_.folders = {beside, beside.parent_path(), fs::current_path()};
  auto redo = plan_redo(request_, [&](const std::string& text) { listener.warning(text); });
  choose_model(redo);
  listener.note(redo.plan);
  const auto folder = fs::absolute(out).parent_path();
  const OutputFolder made(folder);
  Staging staging(folder);
  redo.job.out = staging.folder() / "redo";
  RedoListener inner(listener);
  // The other files of an edit, sheet and record, are not written.
  Engine(find_places(), {model_, /*keep_warm=*/false}).run_up_to_last_files(redo.job, program_stop(), inner);
  if (inner.picture().empty()) throw failure(picture_ + ": nothing was generated");
  fs::rename(inner.picture(), staging.folder() / out.filename());
  staging.publish({out.filename().string()});
  listener.file(out);
  const auto difference = pixel_difference(read_image(out), read_image(request_.picture));
  if (difference.empty()) return listener.note("the same pixels as " + picture_);
  listener.warning("not the same pixels as " + picture_ + ": " + difference);
}

}  // namespace

Command add_redo_command(CLI::App& program) {
  const auto state = std::make_shared<RedoCommand>();
  auto* command =
      program.add_subcommand("redo", "Generate an image again, from the settings stored in its PNG.");
  state->add_options(*command);
  return {command, [state] { state->reporter().run([&] { state->run(); }); }};
}

}  // namespace forgedit::cli
