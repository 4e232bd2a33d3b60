#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/auto_edit.h"
#include "apps/cli/captioning.h"
#include "apps/cli/commands.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/learning.h"
#include "apps/cli/lists.h"
#include "apps/cli/results.h"
#include "apps/cli/sweep.h"
#include "forgedit/core/error.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/pipelines/story.h"

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
  std::vector<EditRequest> make_requests(LearnMethod method, const std::vector<std::string>& targets) const;
  std::vector<std::string> all_targets() const;
  void check_nothing_is_overwritten() const;
  LearnedPicture attached(LearnedPicture learned, const StableDiffusion& network);
  void say_reconstruction(const EditResults& results);
  /// Takes over what is finished and draws the rest; `on_picture` gets each with whether it was drawn now.
  using PictureSeen = std::function<void(const Candidate& candidate, bool drawn)>;
  void draw(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
            LearnedPicture& learned, const std::vector<Candidate>& plan, const PictureSeen& on_picture = {});
  void draw_best(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
                 LearnedPicture& learned);
  void finish(EditResults& results, bool complete);

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
  fs::path folder_, font_;
  std::vector<EditRequest> requests_;
  DrawOptions drawing_;
  bool at_source_size_ = false;
  bool no_metadata_ = false;
  Console console_;
};

constexpr const char* kExamples =
    "Lists are a,b,c or FIRST:LAST:STEP, both ends included.\n\n"
    "Examples:\n"
    "  forgedit edit dog.jpg \"a dog jumping\" --source \"a dog sitting\" --model sd-1.4\n"
    "  forgedit edit dog.jpg \"a dog jumping\" --source \"a dog sitting\" --forget encoderattn,noencoder \\\n"
    "      --gamma 0.8:1.4:0.2 --seeds 0,1 --save dog.edit\n"
    "  forgedit edit --from dog.edit \"a dog on a beach\" \"a cat sitting\" --interpolation vp --beta 1.2\n"
    "  forgedit edit --from dog.edit --targets story.txt --preset story --out story\n"
    "  forgedit edit --from dog.edit \"a dog jumping\" --auto --clip clip-vit-base-patch32\n\n"
    "A story is a file with one target a line, or JSON lines such as\n"
    "  {\"target\": \"a dog on a beach\", \"gamma\": [0.6, 0.7], \"forget\": \"noencoder\", \"seeds\": [0, "
    "1]}\n"
    "The same call into the same --out goes on where it was broken off.\n";

std::string strategies_help() {
  std::string text;
  for (const auto& [title, method] :
       {std::pair{"vanilla and imagic", LearnMethod::vanilla}, {"dreambooth", LearnMethod::dreambooth}}) {
    text += fmt::format("\nForgetting strategies of {}:\n", title);
    for (const auto& strategy : forgetting_strategies(method)) {
      text += fmt::format("  {:22} {}\n", strategy.name, strategy.summary);
    }
  }
  return text;
}

void EditCommand::add_options(CLI::App& command) {
  command.add_option("IMAGE", image_, "PNG, JPEG or WebP; left out with --from");
  command.add_option("TARGET", targets_, "what the edited picture shows; each target gets its own rows");
  learn_options_ = add_picture_options(command, learning_);
  command.add_option("--from", from_, "edit what `forgedit learn` or --save kept in this folder")
      ->type_name("DIR")
      ->group("Picture");
  command
      .add_option("--targets", story_, "a story: one target a line, or JSON lines with their own settings")
      ->type_name("FILE")
      ->group("Sweep");
  add_sweep_options(command, sweep_);
  add_auto_options(command, auto_);
  add_drawing_options(command);
  for (auto* option : add_method_options(command, learning_)) learn_options_.push_back(option);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  command.footer(kExamples + methods_help() + strategies_help());
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

/// The targets of the command line, then the story's.
std::vector<EditRequest> EditCommand::make_requests(LearnMethod method,
                                                    const std::vector<std::string>& targets) const {
  const auto base = make_request(sweep_, method, targets);
  std::vector<EditRequest> requests;
  if (!targets.empty()) requests.push_back(base);
  if (!story_.empty()) {
    for (auto& request : read_story(story_, base)) requests.push_back(std::move(request));
  }
  if (story_.empty()) check_interpolation(sweep_, base.interpolation);
  return requests;
}

/// Results must not land on the picture itself or inside of what is saved.
void EditCommand::check_nothing_is_overwritten() const {
  if (!from_.empty() || out_.empty()) return;
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

void EditCommand::run() {
  check();
  const auto choice = choose_model(model_);
  font_ = find_assets() / "fonts" / "DejaVuSans.ttf";
  if (auto_.on) {
    scorer_files_ = find_scorer_files(auto_.scoring, choice.folder);
    require_clip(scorer_files_, choice.folder, "--auto");
  }
  std::optional<LearnedPicture> saved;
  Image picture;
  if (from_.empty()) {
    picture = read_image(learning_.image, learning_.background);
    prepare_learning(learning_, picture, choice);
    if (learning_.source.empty()) {
      learning_.source = write_source(learning_.captioner, all_targets(), picture, choice, console_);
    }
  } else {
    saved = read_saved_edit(from_);
  }
  const auto picture_name = saved ? saved->picture_name : learning_.image;
  folder_ =
      out_.empty() ? default_output_folder(picture_name, requests_.front().targets.front()) : fs::path(out_);

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
  const OutputFolder output(folder_);
  auto learned = saved ? attached(*saved, network) : picture_to_learn(learning_, picture, choice, network);
  if (!saved && !learning_.save.empty() && !is_saved_already(learning_, learned)) {
    learn_and_save(learned, learning_, choice, network, console_);
  }
  EditResults results(folder_, font_,
                      {requests_, drawing_, learned, choice.name(), choice.policy, at_source_size_, auto_.on,
                       describe(network.memory)},
                      !no_metadata_);
  try {
    if (auto_.on) {
      draw_best(choice, network, results, learned);
    } else {
      draw(choice, network, results, learned, plan_edit(requests_));
    }
  } catch (...) {
    console_.end_stage();
    if (results.count() > 0) {
      console_.note(
          fmt::format("{} of {} pictures are finished and kept", results.count(), results.planned()));
      try {
        finish(results, false);
      } catch (const std::exception&) {
        // A full disk, say: what stopped the drawing is the error to report.
      }
    }
    throw;
  }
  if (const auto older = results.older(); older > 0) {
    console_.note(
        fmt::format("{} holds {} pictures of an earlier run; sheet.png and edit.json are of this one",
                    folder_.string(), older));
  }
  say_reconstruction(results);
  finish(results, true);
}

LearnedPicture EditCommand::attached(LearnedPicture learned, const StableDiffusion& network) {
  attach_to_model(learned, network, from_);
  if (learned.options.method == LearnMethod::imagic) {
    console_.note("learned by imagic for \"" + learned.source +
                  "\": its γ reaches from there to other targets too");
  }
  return learned;
}

/// Learns the picture first where that is still to be done: a restart that has nothing left to draw does not.
void EditCommand::draw(const ModelChoice& choice, StableDiffusion& network, EditResults& results,
                       LearnedPicture& learned, const std::vector<Candidate>& plan,
                       const PictureSeen& on_picture) {
  const auto resumed = results.resume(plan);
  if (resumed.kept > 0) {
    console_.note(
        fmt::format("{} of {} pictures were finished before and are kept", resumed.kept, plan.size()));
  }
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
    learn_and_save(learned, learning_, choice, network, console_);
    results.set_losses(learned.result.losses);
    if (search_) search_->restart_clock();
  }
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
  auto round = AutoEdit::always_drawn(requests_);
  try {
    for (auto next = search_->next_round(); !next.empty(); next = search_->next_round()) {
      round.insert(round.end(), next.begin(), next.end());
      draw(choice, network, results, learned, round, [&](const Candidate& candidate, bool drawn) {
        throw_if_stopped();
        search_->add(candidate, read_image(results.path_of(candidate)), drawn);
      });
      for (const auto& line : search_->lines(false)) console_.note(line);
      round.clear();
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
  write_png(folder_ / kChart, search_->chart(results.picture_name(), font_));
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
