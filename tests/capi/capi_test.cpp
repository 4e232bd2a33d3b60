#include <atomic>
#include <functional>
#include <thread>

#include "forgedit/capi/forgedit.h"
#include "forgedit/core/json.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;

class CApi : public testing::JobTest {
 protected:
  ~CApi() override { forgedit_close(engine_); }

  json options() const {
    return {{"model", tiny_model().model},
            {"device", "cpu"},
            {"threads", 1},
            {"assets", (source_folder() / "assets").string()}};
  }
  json edit(const std::string& out) const {
    return {{"picture", (folder_ / "square.png").string()},
            {"source", "a square"},
            {"target", "a red square"},
            {"size", "64x64"},
            {"samples", 4},
            {"batch", 2},
            {"gamma", {0.8, 1.0}},
            {"steps", 2},
            {"draw_batch", 1},
            {"out", (folder_ / out).string()}};
  }

  /// Runs it, and keeps its events.
  int run_text(const std::string& request) {
    if (!engine_) engine_ = forgedit_open(FORGEDIT_API_VERSION, options().dump().c_str());
    EXPECT_TRUE(engine_) << forgedit_last_error(nullptr);
    events_.clear();
    return forgedit_run(engine_, request.c_str(), &CApi::take, this);
  }
  int run(const json& request) { return run_text(request.dump()); }
  std::string error() const { return forgedit_last_error(engine_); }

  std::size_t count(const std::string& event) const {
    return static_cast<std::size_t>(std::count_if(
        events_.begin(), events_.end(), [&](const json& told) { return told.at("event") == event; }));
  }
  /// What forgedit_open says of such options.
  std::string refused(const json& changes, int version = FORGEDIT_API_VERSION) {
    auto changed = options();
    changed.update(changes);
    auto* engine = forgedit_open(version, changed.dump().c_str());
    EXPECT_EQ(engine, nullptr) << changed;
    forgedit_close(engine);
    return forgedit_last_error(nullptr);
  }

  forgedit_engine* engine_ = nullptr;
  std::vector<json> events_;
  std::function<void(const json&)> on_event_ = [](const json&) {};

 private:
  static void take(const char* event, void* self) {
    auto& test = *static_cast<CApi*>(self);
    test.events_.push_back(json::parse(event));
    test.on_event_(test.events_.back());
  }
};

TEST_F(CApi, AnEditGivesEventsAndFiles) {
  ASSERT_EQ(run(edit("out")), FORGEDIT_OK) << error();
  EXPECT_EQ(error(), "");
  EXPECT_EQ(events_.front(), json({{"event", "started"}}));
  EXPECT_EQ(events_.back(), json({{"event", "done"}}));
  EXPECT_EQ(count("picture"), 3U);
  EXPECT_GT(count("progress"), 0U);
  for (const auto& event : events_) {
    if (event.at("event") != "picture") continue;
    EXPECT_TRUE(std::filesystem::is_regular_file(event.at("file").get<std::string>())) << event;
  }
  EXPECT_EQ(read_json_object(folder_ / "out/edit.json").at("complete"), true);
}

TEST_F(CApi, TheSameBytesAsTheEngine) {
  ASSERT_EQ(run(edit("by-c")), FORGEDIT_OK) << error();
  JobTest::run(edit_job("by-engine"));
  const auto by_c = contents(folder_ / "by-c"), by_engine = contents(folder_ / "by-engine");
  for (const auto& name : {testing::kFirst + ".png", testing::kSecond + ".png"}) {
    EXPECT_EQ(by_c.at(name), by_engine.at(name)) << name;
  }
}

TEST_F(CApi, WhatWasLearnedIsSavedAndEdited) {
  auto request = edit("ignored");
  for (const char* key : {"target", "gamma", "steps", "draw_batch", "out"}) request.erase(key);
  request.update({{"kind", "learn"}, {"save", (folder_ / "kept").string()}});
  ASSERT_EQ(run(request), FORGEDIT_OK) << error();
  EXPECT_EQ(count("learned"), 1U);
  ASSERT_EQ(run(json{{"kind", "draw"},
                     {"learned", (folder_ / "kept").string()},
                     {"target", "a red square"},
                     {"gamma", 1},
                     {"steps", 2},
                     {"out", (folder_ / "drawn").string()}}),
            FORGEDIT_OK)
      << error();
  EXPECT_EQ(count("picture"), 1U);
}

TEST_F(CApi, MistakesNameTheKeyInOneLine) {
  auto request = edit("out");
  request["gama"] = 1;
  EXPECT_EQ(run(request), FORGEDIT_USAGE);
  EXPECT_TRUE(contains(error(), "gama: ")) << error();
  EXPECT_TRUE(contains(error(), "did you mean")) << error();
  EXPECT_EQ(events_.back().at("event"), "failed");
  EXPECT_EQ(events_.back().at("code"), "usage");
  EXPECT_EQ(events_.back().at("field"), "gama");

  EXPECT_EQ(run_text(R"({"picture": )"), FORGEDIT_USAGE);
  EXPECT_EQ(error(), "request: not valid JSON: error at byte 13");
  EXPECT_EQ(run_text("[1]"), FORGEDIT_USAGE);
  EXPECT_FALSE(error().empty());
  EXPECT_EQ(forgedit_run(engine_, nullptr, nullptr, nullptr), FORGEDIT_USAGE);
  EXPECT_EQ(error(), "request: expected JSON, got NULL");

  request = edit("out");
  request.erase("out");
  EXPECT_EQ(run(request), FORGEDIT_USAGE);
  EXPECT_EQ(error(), "out: give the folder for the results");
  request = edit("out");
  request["picture"] = "nowhere.png";
  EXPECT_EQ(run(request), FORGEDIT_USAGE);
  EXPECT_EQ(error(), "picture: nowhere.png: no such file");
  request["picture"] = (source_folder() / "README.md").string();
  EXPECT_EQ(run(request), FORGEDIT_FAILURE);
  EXPECT_EQ(events_.back().at("code"), "failure");
  EXPECT_EQ(error().find('\n'), std::string::npos) << error();
  EXPECT_EQ(run(edit("out")), FORGEDIT_OK) << "the engine goes on after mistakes: " << error();
}

TEST_F(CApi, OptionsAreCheckedBeforeAnythingIsLoaded) {
  EXPECT_EQ(refused({{"model", "nowhere"}}), "model: nowhere: no such model folder or file");
  EXPECT_TRUE(contains(refused({{"device", "toaster"}}), "toaster"));
  EXPECT_TRUE(contains(refused({{"treads", 1}}), "treads: ")) << forgedit_last_error(nullptr);
  EXPECT_TRUE(contains(refused({{"assets", "nowhere"}}), "assets: nowhere: no fonts/"));
  EXPECT_TRUE(contains(refused({{"memory", "lots"}}), "memory: "));
  EXPECT_TRUE(contains(refused({{"precision", "int3"}}), "precision: "));
  EXPECT_EQ(forgedit_open(FORGEDIT_API_VERSION, "{"), nullptr);
  EXPECT_TRUE(contains(forgedit_last_error(nullptr), "options: not valid JSON"))
      << forgedit_last_error(nullptr);
}

TEST_F(CApi, AnotherVersionOfTheHeaderIsNamed) {
  const auto newer = refused(json::object(), FORGEDIT_API_VERSION + 1), older = refused(json::object(), -1);
  EXPECT_TRUE(contains(newer, "install a newer forgedit")) << newer;
  EXPECT_TRUE(contains(older, "rebuild the program")) << older;
  EXPECT_EQ(forgedit_api_version(), FORGEDIT_API_VERSION);
}

TEST_F(CApi, TheCallbackStopsAJobAndTheNextOneRuns) {
  on_event_ = [this](const json& event) {
    if (event.at("event") == "picture") forgedit_stop(engine_);
  };
  auto request = edit("out");
  request["steps"] = 100;  // the next image takes longer than the first one's file
  EXPECT_EQ(run(request), FORGEDIT_STOPPED);
  EXPECT_EQ(events_.back().at("event"), "cancelled");
  EXPECT_TRUE(contains(error(), "stopped: ")) << error();
  on_event_ = [](const json&) {};
  EXPECT_EQ(run(request), FORGEDIT_OK) << error();
}

TEST_F(CApi, AnotherThreadStopsAJob) {
  std::atomic<bool> started{false};
  on_event_ = [&](const json& event) {
    if (event.at("event") == "started") started = true;
  };
  auto request = edit("out");
  request["samples"] = 100'000;
  int status = FORGEDIT_OK;
  std::thread job([&] { status = run(request); });
  while (!started) std::this_thread::yield();
  forgedit_stop(engine_);
  job.join();
  EXPECT_EQ(status, FORGEDIT_STOPPED) << error();
}

TEST_F(CApi, OneJobAtATime) {
  int inner = FORGEDIT_OK;
  on_event_ = [&](const json&) { inner = forgedit_run(engine_, "{}", nullptr, nullptr); };
  EXPECT_EQ(run(edit("out")), FORGEDIT_OK) << error();
  EXPECT_EQ(inner, FORGEDIT_BUSY);
  EXPECT_EQ(forgedit_run(nullptr, "{}", nullptr, nullptr), FORGEDIT_USAGE);
  forgedit_stop(nullptr);
  forgedit_close(nullptr);
}

}  // namespace
}  // namespace forgedit
