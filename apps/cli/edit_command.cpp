#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/cli/auto_edit.h"
#include "apps/cli/captioning.h"
#include "apps/cli/commands.h"
#include "apps/cli/edit_help.h"
#include "apps/cli/glyphs.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/kept_learning.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/pictures.h"
#include "apps/cli/results.h"
#include "apps/cli/sweep.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/jobs/story.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
constexpr double kMinReconstruction = 15.0;

/// Ends a round whose time is over.
struct TimeIsOver {};

class EditCommand {
 public:
  void add_options(CLI::App& command);
  void run();

 private:
  void add_drawing_options(CLI::App& command);
  void check();
  void check_order() const;
  std::vector<EditRequest> make_requests(LearnMethod method, const std::vector<std::string>& targets) const;
  std::vector<std::string> all_targets() const;
  std::vector<std::string> texts_of_sheet(const std::string& picture_name, const std::string& source) const;
  void check_nothing_is_overwritten() const;
  LearnedPicture attached(LearnedPicture learned, const StableDiffusion& network);
  void say_reconstruction(const EditResults& results);
  /// Takes over what is finished and draws the rest; `on_picture` gets each with whether it was drawn now.
  using PictureSeen = std::function<void(const Candidate& candidate, bool drawn)>;
  void draw(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
            LearnedPicture& learned, const std::vector<Candidate>& plan, const EditResults::Resumed& resumed,
            const PictureSeen& on_picture = {});
  EditResults::Resumed resume(EditResults& results, std::vector<Candidate>& plan);
  void make_learned(LearnedPicture& learned, const ModelChoice& choice, StableDiffusion& network);
  std::string what_is_kept(const EditResults& results) const;
  void draw_best(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
                 LearnedPicture& learned);
  void finish(EditResults& results, bool complete);
  void finish_what_there_is(EditResults& results);

  std::string image_;  // with --from, what stands here is the first target
  std::vector<std::string> targets_;
  std::string from_, out_, story_;
  LearnArguments learning_;
  std::vector<CLI::Option*> learn_options_;
  ModelOptions model_;
  SweepArguments sweep_;
  AutoArguments auto_;
  ScorerFiles scorer_files_;
  std::optional<EditScorer> scorer_;
  std::optional<AutoEdit> search_;
  std::optional<SaveLock> save_lock_;
  std::optional<KeptLearning> kept_;
  fs::path folder_;
  Fonts fonts_{fs::path()};
  std::vector<EditRequest> requests_;
  DrawOptions drawing_;
  bool at_source_size_ = false;
  bool no_metadata_ = false;
  Console console_;
};

/// At most one byte more than a story may have.
std::string read_standard_input() {
  std::string text(kMaxStoryBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  return text;
}

void EditCommand::add_options(CLI::App& command) {
  command.add_option("IMAGE", image_, "PNG, JPEG, WebP, HEIC or AVIF; left out with --from");
  command.add_option("TARGET", targets_,
                     "what the edited picture shows, as typed; each target gets its own rows");
  learn_options_ = add_picture_options(command, learning_);
  command.add_option("--from", from_, "edit what `forgedit learn` or --save kept in this folder")
      ->type_name("DIR")
      ->group("Picture");
  command
      .add_option("--targets", story_,
                  "a story: one target a line, or JSON lines with their own settings; - is standard input")
      ->type_name("FILE")
      ->group("Sweep");
  add_sweep_options(command, sweep_);
  add_auto_options(command, auto_);
  add_drawing_options(command);
  for (auto* option : add_method_options(command, learning_)) learn_options_.push_back(option);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(edit_examples() + methods_help() + strategies_help());
}

void EditCommand::add_drawing_options(CLI::App& command) {
  add_draw_options(command, drawing_);
  command.add_option("--out", out_, "folder for the results [out/PICTURE-TARGET]")
      ->type_name("DIR")
      ->group("Results");
  command
      .add_option_function<std::string>(
          "--output-size",
          [this](const std::string& text) {
            if (text != "model" && text != "source") {
              throw usage_error("--output-size: expected model or source, got '" + text + "'");
            }
            at_source_size_ = text == "source";
          },
          "as drawn, or scaled back to the source's size")
      ->type_name("model|source")
      ->default_str("model")
      ->group("Results");
  command.add_flag("--no-metadata", no_metadata_, "leave the settings out of the PNG files")
      ->group("Results");
}

/// Everything that is wrong without looking into more than a saved edit's record.
void EditCommand::check() {
  check_auto_arguments(auto_);
  sweep_.automatic = auto_.on;
  auto targets = targets_;
  auto method = learning_.options.method;
  if (from_.empty()) {
    if (image_.empty()) throw usage_error("expected IMAGE and TARGET, or --from DIR and TARGET");
    check_order();
    learning_.image = image_;
  } else if (std::error_code ignored; fs::is_regular_file(image_, ignored)) {
    throw usage_error(image_ + ": with --from there is no IMAGE, the saved edit holds the picture");
  } else {
    if (!image_.empty()) targets.insert(targets.begin(), image_);
    for (const auto* option : learn_options_) {
      if (option->count() == 0) continue;
      throw usage_error(option->get_name() + " has no place beside --from: the picture is learned already");
    }
  }
  if (targets.empty() && story_.empty()) {
    throw usage_error("expected a TARGET or --targets FILE: what the edited picture shows");
  }
  if (!from_.empty()) method = read_saved_record(from_).options.method;
  requests_ = make_requests(method, targets);
  plan_edit(requests_);
  if (from_.empty()) {
    learning_.options.seed = sweep_.seeds.front();
    learning_.story_size = sweep_.preset == SweepArguments::Preset::story;
    if (method == LearnMethod::imagic) {
      if (requests_.size() > 1 || requests_.front().targets.size() > 1) {
        throw usage_error("--method imagic learns for one TARGET, got several");
      }
      use_target_as_source(learning_, requests_.front().targets.front());
    }
    check_learn_arguments(learning_);
  }
  check_folder_can_be_made(out_.empty() ? "out" : out_);
  check_nothing_is_overwritten();
}

/// Names the mistake where IMAGE and TARGET were exchanged.
void EditCommand::check_order() const {
  std::error_code missing;
  if (fs::exists(image_, missing)) return;
  for (const auto& target : targets_) {
    if (!fs::is_regular_file(target, missing)) continue;
    throw usage_error(fmt::format("IMAGE comes first, then TARGET: there is no file '{}', but '{}' is one",
                                  one_line(image_), one_line(target)));
  }
}

/// The targets of the command line, then the story's.
std::vector<EditRequest> EditCommand::make_requests(LearnMethod method,
                                                    const std::vector<std::string>& targets) const {
  const auto base = make_request(sweep_, method, targets);
  std::vector<EditRequest> requests;
  if (!targets.empty()) requests.push_back(base);
  if (!story_.empty()) {
    for (auto& request : story_ == "-" ? parse_story(read_standard_input(), "standard input", base)
                                       : read_story(story_, base)) {
      requests.push_back(std::move(request));
    }
  }
  if (story_.empty()) check_interpolation(sweep_, base.interpolation);
  return requests;
}

/// Results must not land on the picture itself or inside of what is saved.
void EditCommand::check_nothing_is_overwritten() const {
  if (out_.empty()) return;
  if (std::error_code missing; !from_.empty()) {
    if (!fs::equivalent(from_, out_, missing)) return;
    throw usage_error("--out " + out_ + " is the saved edit itself: name another folder");
  }
  const auto out = fs::absolute(out_).lexically_normal();
  if (!learning_.save.empty()) {
    const auto relative = out.lexically_relative(fs::absolute(learning_.save).lexically_normal());
    if (!relative.empty() && *relative.begin() != "..") {
      throw usage_error("--out " + out_ + " lies inside of --save " + learning_.save +
                        ": name another folder");
    }
  }
  if (std::error_code missing; auto_.on && fs::equivalent(fs::absolute(image_).parent_path(), out, missing)) {
    throw usage_error("--out " + out_ + ": results of --auto would lie beside " + image_ +
                      ": name another folder");
  }
  auto names = plan_edit(requests_);
  Candidate sheet;
  sheet.stem = "sheet";
  names.push_back(sheet);
  for (const auto& candidate : names) {
    std::error_code missing;
    if (fs::equivalent(image_, out / (candidate.stem + ".png"), missing)) {
      throw usage_error("--out " + out_ + ": a result would take the place of " + image_ +
                        ": name another folder");
    }
  }
}

std::vector<std::string> EditCommand::all_targets() const {
  std::vector<std::string> targets;
  for (const auto& request : requests_) {
    targets.insert(targets.end(), request.targets.begin(), request.targets.end());
  }
  return targets;
}

std::vector<std::string> EditCommand::texts_of_sheet(const std::string& picture_name,
                                                     const std::string& source) const {
  auto texts = all_targets();
  texts.push_back(source);
  texts.push_back(fs::path(picture_name).filename().string());
  return texts;
}

void EditCommand::run() {
  check();
  std::optional<LearnedPicture> saved;
  if (!from_.empty()) saved = read_saved_record(from_);
  const auto picture_name = saved ? saved->picture_name : learning_.image;
  folder_ =
      out_.empty() ? default_output_folder(picture_name, requests_.front().targets.front()) : fs::path(out_);
  const ResultsFolder output(folder_);
  if (!learning_.save.empty()) save_lock_.emplace(learning_.save);
  Image picture;
  if (from_.empty()) picture = read_picture(learning_.image, learning_.background);
  const auto choice = choose_model(model_, console_);
  fonts_ = find_fonts();
  if (auto_.on) {
    scorer_files_ = find_scorer_files(auto_.scoring, choice.folder);
    require_clip(scorer_files_, choice.folder, "--auto");
  }
  if (from_.empty()) {
    prepare_learning(learning_, picture, choice);
    if (learning_.source.empty()) {
      learning_.source = write_source(learning_.captioner, all_targets(), picture, choice, console_);
    }
  } else {
    saved = read_saved_edit(from_);
  }
  note_missing_glyphs(fonts_, texts_of_sheet(picture_name, saved ? saved->source : learning_.source),
                      console_);

  auto network = load_model(choice, console_, [&](const StableDiffusion& loaded) {
    auto task = saved ? loaded.memory_task(saved->frame.grid_width, saved->frame.grid_height)
                      : learning_need(learning_, picture, loaded);
    if (saved) add_learned(task, loaded, saved->options);
    task.draw_batch = drawn_at_once(drawing_, loaded.policy);
    return task;
  });
  if (auto_.on) {
    // A plan that has weights wait on the CPU has no room for the judges' either.
    scorer_.emplace(scorer_files_,
                    network.memory.park ? c10::Device(c10::DeviceType::CPU) : choice.policy.device);
    console_.note("judged by CLIP model " + clip_name(scorer_files_.clip));
    note_left_out(*scorer_, console_);
  }
  auto learned = saved ? attached(*saved, network) : picture_to_learn(learning_, picture, choice, network);
  if (!saved && learning_.save.empty()) kept_.emplace(folder_, learned);
  // What is to be saved is learned also when no picture is left to draw.
  if (!saved && !kept_ && !is_saved_already(learning_, learned)) {
    learn_and_save(learned, learning_, choice, network, console_);
  }
  EditResults results(folder_, fonts_,
                      {requests_, drawing_, learned, choice.name(), choice.policy, at_source_size_, auto_.on,
                       describe(network.memory)},
                      !no_metadata_);
  try {
    if (auto_.on) {
      draw_best(choice, network, results, learned);
    } else {
      auto plan = plan_edit(requests_);
      const auto resumed = resume(results, plan);
      draw(choice, network, results, learned, plan, resumed);
    }
    say_reconstruction(results);
    finish(results, true);
  } catch (const Cancelled&) {
    finish_what_there_is(results);
    throw Cancelled(what_is_kept(results));
  } catch (...) {
    finish_what_there_is(results);
    if (results.count() > 0 || (kept_ && kept_->is_there())) console_.note(what_is_kept(results));
    throw;
  }
  if (auto_.on) {
    if (const auto older = results.older(); !older.empty()) console_.note(older);
  }
  if (!kept_) return;
  kept_->end_writing(console_);
  if (kept_->has(learned)) kept_->remove();
}

/// After a stop or an error: sheet and record of the pictures that are finished.
void EditCommand::finish_what_there_is(EditResults& results) {
  console_.end_stage();
  if (kept_) kept_->end_writing(console_);
  if (results.count() == 0) return;
  try {
    finish(results, false);
  } catch (const std::exception&) {
    // A full disk, say: what stopped the drawing is the error to report.
  }
}

std::string EditCommand::what_is_kept(const EditResults& results) const {
  const bool learned_too = kept_ && kept_->is_there();
  if (results.count() == 0 && !learned_too) {
    return learning_.save.empty() || !is_saved_edit(learning_.save)
               ? "nothing was finished"
               : fmt::format("what was learned is in {}; the same command goes on", learning_.save);
  }
  const auto again = out_.empty() ? fmt::format("the same command with --out {} goes on", folder_.string())
                                  : std::string("the same command goes on");
  return fmt::format("{} of {} pictures{} are kept in {}; {}", results.count(), results.planned(),
                     learned_too ? " and what was learned" : "", folder_.string(), again);
}

LearnedPicture EditCommand::attached(LearnedPicture learned, const StableDiffusion& network) {
  attach_to_model(learned, network, from_);
  if (learned.options.method == LearnMethod::imagic) {
    console_.note("learned by imagic for \"" + learned.source +
                  "\": its γ reaches from there to other targets too");
  }
  return learned;
}

/// Says what is kept of earlier runs, before anything takes time.
EditResults::Resumed EditCommand::resume(EditResults& results, std::vector<Candidate>& plan) {
  auto resumed = results.resume(plan);
  if (resumed.kept > 0) {
    console_.note(
        fmt::format("{} of {} pictures were finished before and are kept", resumed.kept, plan.size()));
  }
  for (const auto& name : results.changed()) {
    console_.note(name + " is damaged: it is drawn again");
  }
  if (const auto older = results.older(); !older.empty() && !auto_.on) console_.note(older);
  return resumed;
}

/// From --save, or from an earlier run where that learned the same; else learns now.
void EditCommand::make_learned(LearnedPicture& learned, const ModelChoice& choice, StableDiffusion& network) {
  if (!kept_) {  // run() has found it there, or learned
    take_saved(learned, learning_.save, network, console_);
    return;
  }
  if (kept_->has(learned)) {
    try {
      take_saved(learned, kept_->place(), network, console_);
      return;
    } catch (const Error& error) {
      console_.note(std::string(error.what()) + ": the picture is learned again");
    }
  }
  learn_and_save(learned, learning_, choice, network, console_);
  kept_->begin_writing(learned, console_);
}

/// Learns the picture first where that is still to be done: a restart that has nothing left to draw does not.
void EditCommand::draw(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
                       LearnedPicture& learned, const std::vector<Candidate>& plan,
                       const EditResults::Resumed& resumed, const PictureSeen& on_picture) {
  const auto missing = [&](const Candidate& candidate) {
    return std::any_of(resumed.to_draw.begin(), resumed.to_draw.end(),
                       [&](const Candidate& other) { return other.stem == candidate.stem; });
  };
  if (on_picture) {
    for (const auto& candidate : plan) {
      if (!missing(candidate)) on_picture(candidate, false);
    }
  }
  if (resumed.to_draw.empty()) return;
  if (!learned.result.embedding.defined()) {
    make_learned(learned, choice, network);
    results.set_losses(learned.result.losses);
    if (search_) search_->restart_clock();
  }
  results.begin();
  draw_candidates(
      network, learned.result, plan, drawing_, learned.frame.grid_width, learned.frame.grid_height,
      [&](const Candidate& candidate, const Image& grid) {
        console_.result(results.add(candidate, grid));
        if (on_picture) on_picture(candidate, true);
      },
      [&](const Progress& progress) {
        console_.progress(progress);
        if (search_ && search_->is_time_over()) throw TimeIsOver();
      },
      missing);
  console_.end_stage();
}

/// Round after round, each around the best of what was drawn before.
void EditCommand::draw_best(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
                            LearnedPicture& learned) {
  search_.emplace(requests_, auto_, *scorer_, results.original(), learned.source);
  auto always = AutoEdit::always_drawn(requests_);
  auto resumed = resume(results, always);
  auto round = always;
  const auto number = [&](std::vector<Candidate>& candidates) {
    auto more = resume(results, candidates);
    resumed.to_draw.insert(resumed.to_draw.end(), more.to_draw.begin(), more.to_draw.end());
  };
  try {
    for (auto next = search_->next_round(number); !next.empty(); next = search_->next_round(number)) {
      round.insert(round.end(), next.begin(), next.end());
      draw(choice, network, results, learned, round, resumed, [&](const Candidate& candidate, bool drawn) {
        throw_if_stopped();
        search_->add(candidate, read_image(results.path_of(candidate)), drawn);
      });
      for (const auto& line : search_->lines(false)) console_.note(line);
      round.clear();
      resumed.to_draw.clear();
    }
  } catch (const TimeIsOver&) {
    console_.end_stage();
    console_.note(fmt::format("--auto-seconds are over: {} candidates were drawn", search_->scored()));
  }
}

/// Sheet, record and, with --auto, the chart, of all pictures that there are.
void EditCommand::finish(EditResults& results, bool complete) {
  const bool chosen = search_ && search_->scored() > 0;
  if (chosen) {
    results.arrange(search_->arrangement(scorer_files_.clip, complete));
    for (const auto& line : search_->lines(true)) console_.note(line);
  }
  for (const auto& path : results.finish()) console_.result(path);
  if (!chosen) return;
  write_png(folder_ / kChart, search_->chart(results.picture_name(), fonts_));
  console_.result(folder_ / kChart);
}

/// What the sheet shows of the learned picture, where people look first.
void EditCommand::say_reconstruction(const EditResults& results) {
  const auto quality = results.reconstruction_db();
  if (!quality) return;
  console_.note(fmt::format("reconstruction: {:.1f} dB to the original", *quality));
  if (*quality >= kMinReconstruction) return;
  spdlog::warn(
      "that is under {:.0f} dB: the model has hardly learned the picture, and its edits may show another "
      "one; see sheet.png, and learn from more --samples",
      kMinReconstruction);
}

}  // namespace

Command add_edit_command(CLI::App& program) {
  const auto state = std::make_shared<EditCommand>();
  auto* command = program.add_subcommand("edit", "Learn a picture and draw edits of it.");
  state->add_options(*command);
  return {command, [state] { state->run(); }};
}

}  // namespace forgedit::cli
