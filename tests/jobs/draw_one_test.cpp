#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/jobs/engine.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::message_of;

/// Remembers what it is told.
class Listener : public JobListener {
 public:
  explicit Listener(bool previews = false) : previews_(previews) {}

  void note(const std::string& text) override { notes.push_back(text); }
  void plan(const JobPlan& plan) override {
    plans.push_back(plan);
    order.emplace_back("plan");
  }
  void progress(const JobProgress& progress) override {
    if (order.empty() || order.back() != progress.stage) order.push_back(progress.stage);
    if (stop_after > 0 && ++steps_ == stop_after) stop.stop();
  }
  void picture(const std::string& stem, const fs::path& file, const nlohmann::json&) override {
    pictures[stem] = file;
  }
  void planned(const nlohmann::json& all) override { cells = all; }
  bool wants_previews() const override { return previews_; }
  void preview(const std::string& stem, std::int64_t, const Image& small) override {
    previewed[stem] = small;
  }
  bool noted(const std::string& text) const {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.find(text) != std::string::npos; });
  }

  std::vector<std::string> notes, order;
  nlohmann::json cells;
  std::vector<JobPlan> plans;
  std::map<std::string, fs::path> pictures;
  std::map<std::string, Image> previewed;
  StopFlag stop;
  int stop_after = 0;

 private:
  bool previews_;
  int steps_ = 0;
};

/// A saved edit of the tiny model.
class DrawOne : public testing::TemporaryFolder {
 protected:
  void SetUp() override {
    TemporaryFolder::SetUp();
    const fs::path source(FORGEDIT_SOURCE_DIR);
    places_.assets = source / "assets";
    options_.model.model = (source / "tests/golden/tiny-sd").string();
    options_.model.device = "cpu";
    Image picture(96, 64, {200, 120, 40});
    for (int x = 0; x < 48; ++x) std::fill_n(picture.at(x, 20), 3, std::uint8_t{30});
    write_png(folder_ / "p.png", picture);
    engine_.emplace(places_, options_);
  }

  LearnRequest learning(std::uint64_t seed = 0) {
    LearnRequest request;
    request.picture = folder_ / "p.png";
    request.source = "a square";
    request.save = folder_ / "saved";
    request.options.samples = 4;
    request.options.batch = 2;
    request.options.seed = seed;
    request.overwrite = true;
    return request;
  }
  void learn(std::uint64_t seed = 0) { engine_->run(learning(seed), stop_, listener_); }

  DrawRequest draw_request(double gamma = 1.2) {
    DrawRequest request{folder_ / "saved", "a cat", {}, 0.25, {}};
    request.sweep.forget = {"noencoder"};
    request.sweep.gamma = {gamma};
    request.sweep.seeds = {3};
    request.sweep.steps = 4;
    return request;
  }
  Image draw(double gamma = 1.2) { return engine_->draw_one(draw_request(gamma), stop_, listener_); }

  EditJob edit_job(const std::string& out, double gamma = 1.2) {
    EditJob job;
    job.from = folder_ / "saved";
    job.targets = {"a cat"};
    job.sweep = draw_request(gamma).sweep;
    job.drawing = {0.25, 1};
    job.out = folder_ / out;
    return job;
  }
  /// The edit, by an engine of its own.
  Image edited(const std::string& out, double gamma = 1.2) {
    Listener listener;
    Engine(places_, options_).run(edit_job(out, gamma), stop_, listener);
    for (const auto& [stem, file] : listener.pictures) {
      if (stem != "reconstruction") return read_image(file);
    }
    return {};
  }

  Places places_;
  EngineOptions options_;
  std::optional<Engine> engine_;
  StopFlag stop_;
  Listener listener_;
};

TEST_F(DrawOne, GivesWhatAnEditGives) {
  learn();
  const auto first = draw(), second = draw(0.9), again = draw();
  EXPECT_EQ(first.pixels, edited("out").pixels);
  EXPECT_EQ(second.pixels, edited("out2", 0.9).pixels);
  EXPECT_EQ(first.pixels, again.pixels);
  EXPECT_NE(first.pixels, second.pixels);
  EXPECT_LT(first.height, first.width) << "cropped to the picture's shape";
}

TEST_F(DrawOne, ItsFileIsThatOfAnEdit) {
  learn();
  auto request = draw_request();
  request.out = folder_ / "drawn";
  Listener listener;
  engine_->warm_up(request.learned, stop_, listener);
  engine_->draw_one(request, stop_, listener);
  ASSERT_EQ(listener.cells.size(), 1U);
  const std::string stem = listener.cells[0].at("stem");
  EXPECT_EQ(listener.cells[0].at("gamma"), 1.2);
  EXPECT_EQ(listener.pictures.at(stem), request.out / (stem + ".png"));
  edited("out");
  EXPECT_EQ(read_file(request.out / (stem + ".png")), read_file(folder_ / "out" / (stem + ".png")));
}

// What the files hold now does not matter, as long as they seem to be the same.
TEST_F(DrawOne, ReadsASavedEditOnce) {
  learn();
  const auto first = draw();
  const auto weights = folder_ / "saved" / "unet.safetensors";
  struct stat before {};
  ASSERT_EQ(::stat(weights.c_str(), &before), 0);
  std::fstream(weights, std::ios::in | std::ios::out | std::ios::binary).write("damaged", 7);
  const timespec times[2]{before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, weights.c_str(), times, 0), 0);
  EXPECT_EQ(draw().pixels, first.pixels);
  engine_->unload();
  EXPECT_FALSE(engine_->is_loaded());
  EXPECT_NE(message_of([&] { draw(); }), "") << "read anew";
}

TEST_F(DrawOne, ReadsASavedEditAnewThatChanged) {
  learn();
  const auto first = draw();
  {
    Listener listener;
    Engine(places_, options_).run(learning(7), stop_, listener);
  }
  const auto second = draw();
  EXPECT_NE(first.pixels, second.pixels);
  EXPECT_EQ(second.pixels, edited("out").pixels);
  fs::remove(folder_ / "saved" / "unet.safetensors");
  EXPECT_NE(message_of([&] { draw(); }), "");
}

TEST_F(DrawOne, OtherJobsHaveTheModelAsItWas) {
  learn();
  const auto first = draw();
  auto request = learning();
  request.save = folder_ / "saved2";
  engine_->run(request, stop_, listener_);
  EXPECT_EQ(read_file(folder_ / "saved" / "learned.json"), read_file(folder_ / "saved2" / "learned.json"))
      << "learned from the model's own weights";
  EXPECT_EQ(draw().pixels, first.pixels);
}

TEST_F(DrawOne, GoesOnAfterAStop) {
  learn();
  const auto first = draw();
  Listener impatient;
  impatient.stop_after = 2;
  EXPECT_THROW(engine_->draw_one(draw_request(0.7), impatient.stop, impatient), Cancelled);
  EXPECT_EQ(draw().pixels, first.pixels);
}

TEST_F(DrawOne, NamesTheSettingThatHasSeveralValues) {
  learn();
  const auto field_of = [&](const std::function<void(DrawRequest&)>& change) {
    auto request = draw_request();
    change(request);
    try {
      engine_->draw_one(request, stop_, listener_);
    } catch (const Error& error) {
      return error.field();
    }
    return std::string("none");
  };
  EXPECT_EQ(field_of([](auto& r) { r.sweep.gamma.reset(); }), "gamma");
  EXPECT_EQ(field_of([](auto& r) { r.sweep.forget = {"noencoder", "encoderattn"}; }), "forget");
  EXPECT_EQ(field_of([](auto& r) { r.sweep.seeds = {1, 2}; }), "seeds");
  EXPECT_EQ(field_of([](auto& r) { r.sweep.unlearned = true; }), "unlearned");
  EXPECT_EQ(field_of([](auto& r) { r.sweep.beta = {1.0}; }), "beta");
  EXPECT_EQ(field_of([](auto& r) { r.target = " "; }), "target");
}

TEST_F(DrawOne, PreviewsChangeNoPicture) {
  learn();
  const auto plain = edited("out");
  Listener curious(true);
  EXPECT_EQ(engine_->draw_one(draw_request(), stop_, curious).pixels, plain.pixels);
  ASSERT_EQ(curious.previewed.size(), 1U);
  const auto& small = curious.previewed.begin()->second;
  EXPECT_GT(small.width, 0);
  EXPECT_LT(small.width, plain.width);
  engine_->run(edit_job("out2"), stop_, curious);
  EXPECT_EQ(curious.previewed.size(), 2U) << "and the reconstruction";
  for (const auto& [stem, file] : curious.pictures) {
    EXPECT_EQ(read_file(file), read_file(folder_ / "out" / (stem + ".png"))) << stem;
  }
}

TEST_F(DrawOne, JobsTellTheirPlanBeforeTheWork) {
  learn();
  EXPECT_EQ(listener_.order, (std::vector<std::string>{"plan", "learning"}));
  EXPECT_EQ(listener_.plans.back().text, "fine-tuning on 4 samples in 2 steps");
  EXPECT_GT(listener_.plans.back().seconds, 0);
  Listener listener;
  auto job = edit_job("out");
  job.from.clear();
  job.learn = learning();
  job.learn.save.clear();
  engine_->run(job, stop_, listener);
  EXPECT_EQ(listener.order, (std::vector<std::string>{"plan", "learning", "generating images"}));
  EXPECT_EQ(listener.plans.back().text, "1 image and the reconstruction");
  EXPECT_EQ(listener.plans.back().pictures, 2);
  Listener again;
  engine_->run(job, stop_, again);
  EXPECT_EQ(again.order, std::vector<std::string>{"plan"});
  EXPECT_EQ(again.plans.back().text, "1 image and the reconstruction; 2 were finished before");
}

TEST_F(DrawOne, ADryRunWritesNothing) {
  auto request = learning();
  request.dry_run = true;
  engine_->run(request, stop_, listener_);
  EXPECT_FALSE(engine_->is_loaded());
  EXPECT_EQ(listener_.plans.size(), 1U);
  EXPECT_TRUE(listener_.noted("would write " + (folder_ / "saved").string()));

  Listener listener;
  auto job = edit_job("out/deep");
  job.from.clear();
  job.learn = learning();
  job.dry_run = true;
  engine_->run(job, stop_, listener);
  EXPECT_FALSE(engine_->is_loaded());
  EXPECT_TRUE(listener.noted("01-a-cat_vs-1.2_noencoder_seed3.png"));
  EXPECT_TRUE(listener.noted("sheet.png"));
  EXPECT_TRUE(listener.noted("report.html"));
  EXPECT_EQ(list_directory(folder_).size(), 1U) << "only the picture";
  job.sweep.forget = {"forgetme"};
  EXPECT_NE(message_of([&] { engine_->run(job, stop_, listener); }), "");
}

}  // namespace
}  // namespace forgedit
