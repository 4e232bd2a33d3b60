#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/encode_png.h"
#include "forgedit/serve/api.h"
#include "forgedit/serve/uploads.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// OpenAI's routes over a queue that is paused: jobs end as the tests have them.
class OpenAiTest : public testing::TemporaryFolder {
 protected:
  OpenAiTest() : store_(folder_ / "db"), ring_("boot") {
    store_.set_paused(true);
    Dispatcher::Options options;
    options.worker = {{"/bin/sh", "-c", "while read -r line; do :; done"}, {}};
    dispatcher_ = std::make_unique<Dispatcher>(options, store_, ring_);
    ApiOptions api;
    api.data = folder_;
    api.base_path = "/edits";
    api.check = [](const json& request) {
      if (request.at("target") == "bad") throw usage_error("targets", "is bad");
      return JobWork();
    };
    router_ = std::make_unique<HttpRouter>(api_routes(api, store_, *dispatcher_));
  }

  HttpResponse ask(const std::string& more = {}, const std::string& prompt = "a dog") {
    const auto match = router_->find("POST", "/v1/images/edits");
    EXPECT_TRUE(match.route);
    EXPECT_TRUE(match.route->is_slow);
    HttpRequest request;
    request.headers = {{"content-type", "multipart/form-data; boundary=XX"}, {"host", "127.0.0.1:7860"}};
    const auto field = [](const std::string& head) {
      return "--XX\r\nContent-Disposition: form-data; name=" + head + "\r\n\r\n";
    };
    request.body = field("image; filename=a.png") + encode_png(Image(16, 12), {}, "a") + "\r\n" +
                   field("prompt") + prompt + "\r\n" + more + "--XX--\r\n";
    return answer(*match.route, request, [](const std::string& what) { ADD_FAILURE() << what; });
  }
  static std::string field(const std::string& name, const std::string& text) {
    return "--XX\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" + text + "\r\n";
  }
  /// The running job ends, with pictures; `settings` by stem.
  void finish(const std::vector<std::string>& stems, const json& result = json::object(),
              const json& settings = json::object()) {
    const auto job = store_.take();
    // The queue is paused for the dispatcher alone.
    ASSERT_TRUE(job);
    make_directory(job_folder(folder_, job->id));
    store_.add_picture(job->id, {"00-reconstruction", "{\"kind\":\"reconstruction\"}"});
    for (const auto& stem : stems) {
      auto entry = settings.value(stem, json::object());
      entry["kind"] = "edit";
      store_.add_picture(job->id, {stem, entry.dump()});
      write_file_atomically(job_folder(folder_, job->id) / (stem + ".png"),
                            encode_png(Image(24, 16), {}, "a"));
    }
    store_.set_result(job->id, result.dump());
    store_.finish(job->id, {JobState::done, "", ""});
  }
  StoredJob only_job() { return store_.jobs({}, 2).at(0); }

  Store store_;
  EventRing ring_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<HttpRouter> router_;
};

TEST_F(OpenAiTest, AnAnswerWaitsForItsJob) {
  const auto waits = ask(field("n", "2"));
  EXPECT_GT(waits.wait.count(), 0);
  EXPECT_EQ(waits.status, 504) << "what comes where nobody waits any longer";
  EXPECT_GT(waits.again().wait.count(), 0);
  finish({"01-a", "02-b", "03-c"},
         {{"choice", {{"best", {{{"stem", "03-c"}}}}, {"front", {"02-b"}}, {"points", json::array()}}}});
  const auto response = waits.again();
  EXPECT_EQ(response.wait.count(), 0);
  EXPECT_EQ(response.status, 200) << response.body;
  const auto body = json::parse(response.body);
  EXPECT_EQ(body.at("size"), "24x16");
  ASSERT_EQ(body.at("data").size(), 2U);
  EXPECT_EQ(body["data"][0].at("b64_json").get<std::string>().substr(0, 11), "iVBORw0KGgo");
}

TEST_F(OpenAiTest, ACandidateThatWasGeneratedAgainIsNotReturned) {
  const auto waits = ask(field("response_format", "url") + field("n", "3"));
  finish({"01-a", "02-b", "03-a"},
         {{"choice", {{"best", {{{"stem", "03-a"}}}}, {"front", json::array()}, {"points", json::array()}}}},
         {{"01-a", {{"gamma", 1.0}, {"steps", 20}}},
          {"02-b", {{"gamma", 1.2}, {"steps", 20}}},
          {"03-a", {{"gamma", 1.0}, {"steps", 50}}}});
  const auto data = json::parse(waits.again().body).at("data");
  ASSERT_EQ(data.size(), 2U);
  EXPECT_NE(data[0].at("url").get<std::string>().find("/03-a.png"), std::string::npos);
  EXPECT_NE(data[1].at("url").get<std::string>().find("/02-b.png"), std::string::npos);
}

TEST_F(OpenAiTest, AddressesOfPicturesAreWhole) {
  const auto waits = ask(field("response_format", "url") + field("gamma", "1") + field("n", "3"));
  const auto id = only_job().id;
  finish({"01-a", "02-b c"});
  const auto data = json::parse(waits.again().body).at("data");
  ASSERT_EQ(data.size(), 2U) << "a job may have fewer than were asked for";
  EXPECT_EQ(data[1].at("url"), "http://127.0.0.1:7860/edits/api/v1/jobs/" + id + "/pictures/02-b%20c.png");
}

TEST_F(OpenAiTest, WhatGoesWrongIsAnErrorOfTheirShape) {
  const auto bad = ask({}, "bad");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(json::parse(bad.body).at("error"), (json{{"code", "bad_request"},
                                                     {"message", "is bad"},
                                                     {"param", "prompt"},
                                                     {"type", "invalid_request_error"}}));
  const auto model = ask(field("model", "dall-e-2"));
  EXPECT_EQ(model.status, 404);
  EXPECT_EQ(json::parse(model.body).at("error").at("code"), "model_not_found");
  const auto waits = ask(field("model", "forgedit"));
  const auto job = store_.take();
  ASSERT_TRUE(job);
  store_.finish(job->id, {JobState::failed, "out_of_memory", "no memory is left"});
  EXPECT_THROW(waits.again(), HttpError);
}

TEST_F(OpenAiTest, AMaskGoesAlongAndIsOfThePicturesSize) {
  const auto with_mask = [&](int width, int height) {
    return ask("--XX\r\nContent-Disposition: form-data; name=mask; filename=m.png\r\n\r\n" +
               encode_png(Image(width, height, {0, 0, 0}), {}, "m") + "\r\n");
  };
  const auto wrong = with_mask(12, 16);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(json::parse(wrong.body).at("error").at("param"), "mask");
  with_mask(16, 12);
  const auto job = only_job();
  const auto mask = store_.upload(json::parse(job.request).at("mask"));
  ASSERT_TRUE(mask);
  EXPECT_EQ(mask->name, "mask");
}

TEST_F(OpenAiTest, AClientThatLeavesCancelsItsJob) {
  const auto waits = ask();
  waits.left();
  EXPECT_EQ(only_job().state, JobState::cancelled);
}

TEST_F(OpenAiTest, FiguresAreThereForPrometheus) {
  ask();
  const auto match = router_->find("GET", "/metrics");
  ASSERT_TRUE(match.route);
  const auto text = answer(*match.route, {}, {}).body;
  for (const auto* line : {"# TYPE forgedit_jobs gauge\n", "forgedit_jobs{state=\"queued\"} 1\n",
                           "forgedit_queue_paused 1\n", "forgedit_worker_up 0\n"}) {
    EXPECT_TRUE(testing::contains(text, line)) << line << text;
  }
  const auto ready = router_->find("GET", "/readyz");
  EXPECT_EQ(json::parse(answer(*ready.route, {}, {}).body),
            (json{{"db", true}, {"disk", true}, {"worker", "asleep"}}));
}

}  // namespace
}  // namespace forgedit
