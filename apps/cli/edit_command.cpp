#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "apps/cli/commands.h"
#include "apps/cli/edit_help.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/cli/preset_option.h"
#include "apps/cli/reporter.h"
#include "apps/cli/standard_input.h"
#include "apps/cli/sweep_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/edit_job.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/story.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
class EditCommand {
 public:
  void add_options(CLI::App& command);
  void run();
  Reporter& reporter() { return reporter_; }

 private:
  void add_drawing_options(CLI::App& command);
  void take_positionals(StandardInputPicture& from_input);
  void check_order() const;

  std::string image_;  // with --from, the first TARGET
  std::vector<std::string> targets_;
  std::string from_, out_, story_;
  std::vector<CLI::Option*> learn_options_;
  ModelRequest model_;
  AutoOptions auto_;
  EditJob job_;
  Reporter reporter_;
  std::optional<Engine> engine_;  // lives until the process ends, see end_process
};

void EditCommand::add_options(CLI::App& command) {
  command
      .add_option("IMAGE", image_,
                  "picture to edit: PNG, JPEG, WebP, HEIC or AVIF; - is standard input; not with --from")
      ->type_name("FILE");
  command.add_option("TARGET", targets_,
                     "prompt of the edit, or several; used as typed: (word:1.2) sets no attention weight");
  // With --from nothing is fine-tuned, so the preset's fine-tuning options are skipped.
  const auto skipped = [this, &command] {
    return command.get_option("--from")->count() > 0 ? learn_options_ : std::vector<CLI::Option*>();
  };
  add_preset_option(command, job_.sweep, skipped);
  learn_options_ = add_picture_options(command, job_.learn);
  command.add_option("--from", from_, "use this saved edit (of `forgedit learn` or --save) instead of IMAGE")
      ->type_name("DIR")
      ->group("Picture");
  command
      .add_option("--targets", story_,
                  "story: a file with one prompt per line, or JSON lines with their own settings; - is "
                  "standard input")
      ->type_name("FILE")
      ->group("Sweep");
  add_sweep_options(command, job_.sweep);
  add_auto_options(command, auto_);
  add_drawing_options(command);
  for (auto* option : add_method_options(command, job_.learn)) learn_options_.push_back(option);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(edit_examples() + methods_help() + strategies_help());
}

void EditCommand::add_drawing_options(CLI::App& command) {
  add_draw_options(command, job_.drawing);
  command
      .add_option("--out", out_,
                  "folder for the images, sheet.png, report.html and edit.json [out/IMAGE-TARGET]")
      ->type_name("DIR")
      ->group("Results");
  add_result_options(command, job_);
  add_dry_run_option(command, job_.dry_run);
  reporter_.add_options(command);
}

/// Reads IMAGE and the TARGETs. With --from all positionals are TARGETs.
void EditCommand::take_positionals(StandardInputPicture& from_input) {
  job_.targets = targets_;
  if (from_.empty()) {
    if (image_.empty()) throw usage_error("expected IMAGE and TARGET, or --from DIR and TARGET");
    check_order();
    job_.learn.picture = from_input.path_of(image_);
    return;
  }
  if (std::error_code ignored; fs::is_regular_file(image_, ignored)) {
    throw usage_error(image_ +
                      ": IMAGE cannot be combined with --from, whose saved edit contains the picture");
  }
  job_.from = from_;
  if (!image_.empty()) job_.targets.insert(job_.targets.begin(), image_);
  for (const auto* option : learn_options_) {
    if (option->count() == 0) continue;
    throw usage_error(option->get_name() + " cannot be combined with --from, which is fine-tuned already");
  }
}

/// Throws a usage Error if IMAGE and TARGET were exchanged.
void EditCommand::check_order() const {
  std::error_code missing;
  if (image_ == "-" || fs::exists(image_, missing)) return;
  for (const auto& target : targets_) {
    if (!fs::is_regular_file(target, missing)) continue;
    throw usage_error(fmt::format("IMAGE comes first, then TARGET: there is no file '{}', but '{}' is one",
                                  one_line(image_), one_line(target)));
  }
}

void EditCommand::run() {
  job_.automatic = auto_request(auto_);
  StandardInputPicture from_input;  // a local, so that its folder is removed: see end_process
  take_positionals(from_input);
  if (!story_.empty()) {
    if (!job_.targets.empty())
      throw usage_error("TARGET cannot be combined with --targets, whose file has the prompts");
    job_.story = story_ == "-" ? story_lines(read_standard_input(kMaxStoryBytes), "standard input")
                               : read_story(story_);
  }
  job_.out = out_;
  const auto subject = check_edit(job_);
  if (out_.empty()) {
    with_field("out", [] { check_folder_can_be_made("out"); });
    job_.out = default_results_folder(subject.picture_name, subject.requests.front().targets.front());
  }
  say_which_model(model_, reporter_.listener());
  engine_.emplace(find_places(), EngineOptions{model_, /*keep_warm=*/false});
  try {
    engine_->run(job_, program_stop(), reporter_.listener());
  } catch (const Cancelled& stop) {
    if (!stop.goes_on()) throw;
    const auto where = out_.empty() ? " with --out " + job_.out.string() : std::string();
    throw Cancelled(fmt::format("{}; the same command{} resumes", stop.what(), where));
  }
}

}  // namespace

Command add_edit_command(CLI::App& program) {
  const auto state = std::make_shared<EditCommand>();
  auto* command = program.add_subcommand("edit", "Fine-tune on a picture and generate edits of it.");
  state->add_options(*command);
  return {command, [state] { state->reporter().run([&] { state->run(); }); }};
}

}  // namespace forgedit::cli
