#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/engine.h"
#include "tests/support/temporary_folder.h"

namespace forgedit::testing {

/// The edits of JobTest::edit_job.
inline const std::string kFirst = "01-a-red-square_vs-0.8_donotforget_seed0",
                         kSecond = "02-a-red-square_vs-1.0_donotforget_seed0";

/// Writes down all that a job tells, and may stop it.
class RecordingListener : public JobListener {
 public:
  std::vector<std::string> notes, warnings;
  /// In their order: "caption", "learning" and "generating" once for each stage that makes progress,
  /// "ended learning", "picture STEM", "file NAME".
  std::vector<std::string> events;
  std::vector<std::string> captions;
  std::vector<nlohmann::json> entries;
  std::vector<JobPlan> plans;
  std::vector<JobProgress> steps;
  std::function<void(const JobProgress&)> on_progress;

  void note(const std::string& text) override { notes.push_back(text); }
  void warning(const std::string& text) override { warnings.push_back(text); }
  void plan(const JobPlan& plan) override { plans.push_back(plan); }
  void progress(const JobProgress& progress) override {
    steps.push_back(progress);
    if (events.empty() || events.back() != name_of(progress.stage)) events.push_back(name_of(progress.stage));
    if (on_progress) on_progress(progress);
  }
  void stage_ended(const std::string& stage, std::int64_t, double) override {
    events.push_back("ended " + name_of(stage));
  }
  void caption(const std::string& text) override {
    events.push_back("caption");
    captions.push_back(text);
  }
  void captioned(const std::filesystem::path& picture, const std::string& text) override {
    events.push_back("captioned " + picture.filename().string());
    captions.push_back(text);
  }
  void scored(const nlohmann::json& picture) override {
    events.push_back("scored " + picture.at("file").get<std::string>());
    entries.push_back(picture);
  }
  void learned(const std::filesystem::path& folder, const std::vector<double>& losses) override {
    EXPECT_FALSE(losses.empty());
    events.push_back("learned" + (folder.empty() ? std::string() : " " + folder.filename().string()));
  }
  void image(const Image& drawn) override {
    EXPECT_GT(drawn.width, 0);
    events.push_back("image");
  }
  void picture(const std::string& stem, const std::filesystem::path& file,
               const nlohmann::json& entry) override {
    EXPECT_TRUE(std::filesystem::is_regular_file(file)) << file;
    events.push_back("picture " + stem);
    entries.push_back(entry);
  }
  void file(const std::filesystem::path& path) override {
    EXPECT_TRUE(std::filesystem::exists(path)) << path;
    events.push_back("file " + path.filename().string());
  }

  std::size_t notes_with(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(
        notes.begin(), notes.end(), [&](const std::string& note) { return contains(note, part); }));
  }
  bool has(const std::string& event) const {
    return std::find(events.begin(), events.end(), event) != events.end();
  }
  std::int64_t steps_of(const std::string& stage) const {
    return std::count_if(steps.begin(), steps.end(),
                         [&](const JobProgress& step) { return name_of(step.stage) == stage; });
  }

 private:
  static std::string name_of(const std::string& stage) {
    return stage == "learning" ? "learning" : "generating";
  }
};

/// Jobs on the tiny Stable Diffusion and a small picture.
class JobTest : public TemporaryFolder {
 protected:
  JobTest() {
    Image image(40, 40);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
    }
    write_png(folder_ / "square.png", image);
  }

  Places places() const {
    Places places;
    places.assets = source_folder() / "assets";
    places.hub_cache = folder_ / "hub";
    places.threads = 1;  // waiting threads spin, and tests share their cores
    return places;
  }
  static std::filesystem::path source_folder() { return FORGEDIT_SOURCE_DIR; }
  static ModelRequest tiny_model() {
    ModelRequest model;
    model.model = (source_folder() / "tests/golden/tiny-sd").string();
    model.device = "cpu";
    return model;
  }
  Engine engine() const { return {places(), {tiny_model()}}; }

  LearnRequest learn_request() const {
    LearnRequest request;
    request.picture = folder_ / "square.png";
    request.source = "a square";
    request.size = {64, 64};
    request.options.samples = 4;
    request.options.batch = 2;
    return request;
  }
  /// Two strengths of one target: three pictures with the reconstruction.
  EditJob edit_job(const std::string& out) const {
    EditJob job;
    job.learn = learn_request();
    job.targets = {"a red square"};
    job.sweep.gamma = {0.8, 1.0};
    job.sweep.steps = 2;
    job.drawing.batch = 1;
    job.out = folder_ / out;
    return job;
  }

  static void run(Engine& engine, const JobRequest& request, RecordingListener& listener) {
    engine.run(request, StopFlag(), listener);
  }
  /// Runs it with an engine of its own.
  RecordingListener run(const JobRequest& request) const {
    RecordingListener listener;
    auto engine = this->engine();
    run(engine, request, listener);
    return listener;
  }

  /// Bytes of all files below `folder`, by relative path.
  static std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& path : list_tree(folder)) {
      const auto name = std::filesystem::relative(path, folder).string();
      // Locks are empty, and only there once somebody used the folder.
      if (std::filesystem::is_regular_file(path) && !starts_with(path.filename().string(), ".forgedit")) {
        files[name] = read_file(path);
      }
    }
    return files;
  }
};

}  // namespace forgedit::testing
