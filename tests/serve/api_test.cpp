#include "forgedit/serve/api.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/archive/zip.h"
#include "forgedit/io/pictures/encode_png.h"
#include "forgedit/io/pictures/png_text.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/serve/uploads.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::contains;

/// The routes with a queue that is paused: jobs stay as the tests put them.
class ApiTest : public testing::TemporaryFolder {
 protected:
  ApiTest() : store_(folder_ / "db"), ring_("boot") {
    store_.set_paused(true);
    Dispatcher::Options options;
    options.worker = {{"/bin/sh", "-c", worker_}, {}};
    options.asks_worker_first = true;
    options.data = folder_;
    dispatcher_ = std::make_unique<Dispatcher>(options, store_, ring_);
    options_.data = folder_;
    options_.check = [](const json& request) {
      if (request.contains("gama")) throw usage_error("gama", "unknown key");
      JobWork work;
      if (request.contains("picture")) work.learning = "vanilla";
      work.samples = 400;
      work.batch = 10;
      work.images = 4;
      work.steps = 80;
      return work;
    };
    make_router();
  }
  bool knows_model() {
    for (int i = 0; i < 500 && dispatcher_->worker_info().empty(); ++i) ::usleep(10'000);
    return !dispatcher_->worker_info().empty();
  }
  void make_router() { router_ = std::make_unique<HttpRouter>(api_routes(options_, store_, *dispatcher_)); }

  HttpResponse ask(const std::string& method, const std::string& target, const std::string& body = {},
                   const std::map<std::string, std::string>& headers = {}) {
    const auto mark = target.find('?');
    HttpRequest request;
    request.method = method;
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query = parse_query(target.substr(mark + 1));
    const bool is_json = !body.empty() && body.front() == '{';
    request.content_type = is_json ? "application/json" : "image/png";
    request.headers = headers;
    request.owner = owner_;
    request.client = client_;
    request.body = body;
    auto match = router_->find(method, request.path);
    EXPECT_TRUE(match.route) << method << " " << target;
    if (!match.route) return {};
    request.parts = match.parts;
    return answer(*match.route, request, [](const std::string& what) { ADD_FAILURE() << what; });
  }
  /// The answer's body, which has this status.
  json told(int status, const std::string& method, const std::string& target, const std::string& body = {},
            const std::map<std::string, std::string>& headers = {}) {
    const auto response = ask(method, target, body, headers);
    EXPECT_EQ(response.status, status) << method << " " << target << ": " << response.body;
    return response.body.empty() ? json() : json::parse(response.body);
  }
  std::string refused(int status, const std::string& method, const std::string& target,
                      const std::string& body = {}) {
    return told(status, method, target, body).at("error").at("code");
  }
  static std::string png(int width = 16, int height = 12, const PngText& text = {}) {
    return encode_png(Image(width, height), text, "picture");
  }
  std::string upload() { return told(201, "POST", "/api/v1/pictures", png()).at("id"); }
  std::string add(const json& request) { return told(201, "POST", "/api/v1/jobs", request.dump()).at("id"); }
  /// A job that is over, with one picture.
  std::string finished(const std::string& picture) {
    const auto id = add({{"picture", picture}, {"target", "a"}});
    store_.take();
    store_.add_picture(id, {"01-a", "{\"target\":\"a\"}"});
    make_directory(job_folder(folder_, id));
    write_file_atomically(job_folder(folder_, id) / "01-a.png", png(16, 16, {{"forgedit", "settings"}}));
    write_file_atomically(job_folder(folder_, id) / "edit.json", "{}");
    write_file_atomically(job_folder(folder_, id) / "report.html", "<!doctype html>");
    store_.finish(id, {JobState::done, "", ""});
    return id;
  }
  std::string learned(const std::string& picture, std::int64_t bytes = 4) {
    const auto id = new_id();
    make_directory(learned_folder(folder_, id));
    write_file_atomically(learned_folder(folder_, id) / "learned.json", "{}");
    store_.add_learned({id, "", false, picture, "job", 1, now_ms(), bytes, "{\"source\":\"a\"}"});
    return id;
  }
  static std::string all_of(const HttpResponse& response) {
    std::string text;
    for (auto part = response.next_part(); !part.empty(); part = response.next_part()) text += part;
    EXPECT_EQ(text.size(), response.parts_bytes);
    return text;
  }

  std::string owner_, client_ = "192.0.2.1";
  const std::string worker_ =
      "echo "
      "'{\"worker\":{\"model\":{\"name\":\"m\",\"size\":64,\"multiple\":32},\"speeds\":[{\"work\":"
      "\"vanilla\","
      "\"width\":64,\"height\":64,\"seconds\":0.1},{\"work\":\"images\",\"width\":64,\"height\":64,"
      "\"seconds\":0.5}]}}'; while read -r line; do "
      "case $line in *stop*) exit;; esac; done";
  Store store_;
  EventRing ring_;
  std::unique_ptr<Dispatcher> dispatcher_;
  ApiOptions options_;
  std::unique_ptr<HttpRouter> router_;
};

TEST_F(ApiTest, APictureIsDecodedOnceAndShownSmall) {
  const auto picture = told(201, "POST", "/api/v1/pictures?name=my%20dog.png", png(2000, 80));
  EXPECT_EQ(picture.at("width"), 2000);
  EXPECT_EQ(picture.at("alpha"), false);
  EXPECT_EQ(picture.at("name"), "my dog.png");
  const std::string id = picture.at("id");
  EXPECT_EQ(told(200, "POST", "/api/v1/pictures", png(2000, 80)).at("id"), id);
  for (const auto& [name, side] : {std::pair{"view", 1280}, std::pair{"thumb", 256}}) {
    const auto response = ask("GET", "/api/v1/pictures/" + id + "/" + name + ".webp");
    EXPECT_EQ(response.content_type, "image/webp");
    EXPECT_EQ(read_image(response.file).width, side);
  }
  EXPECT_EQ(told(200, "GET", "/api/v1/pictures").at("pictures").size(), 1U);
  EXPECT_EQ(refused(422, "POST", "/api/v1/pictures", png(4, 40)), "too_small");
  EXPECT_EQ(refused(422, "POST", "/api/v1/pictures", png().substr(0, 60)), "picture_damaged");
  EXPECT_EQ(refused(415, "POST", "/api/v1/pictures", "no picture"), "not_a_picture");
  add({{"picture", id}, {"target", "a"}});
  EXPECT_EQ(refused(409, "DELETE", "/api/v1/pictures/" + id), "in_use");
  const auto other = upload();
  EXPECT_EQ(ask("DELETE", "/api/v1/pictures/" + other).status, 204);
  EXPECT_FALSE(std::filesystem::exists(upload_folder(folder_, other)));
}

TEST_F(ApiTest, WhatWasNotedOfAPictureIsTold) {
  store_.add_upload(
      {new_id(), "hash", 7, "picture.png", 1, "a.png", 16, 12, false, "an animation\nand more"});
  const auto picture = told(200, "GET", "/api/v1/pictures").at("pictures").at(0);
  EXPECT_EQ(picture.at("notes"), json({"an animation", "and more"}));
}

TEST_F(ApiTest, APictureOfTooManyPixelsIsNotDecoded) {
  // Only its header says so: there are no pixels behind it.
  auto huge = png();
  const unsigned char size[] = {0, 0, 0x1c, 0, 0, 0, 0x1c, 0};  // 7168 x 7168
  std::copy(std::begin(size), std::end(size), huge.begin() + 16);
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(huge.data() + 12), 17);
  for (int i = 0; i < 4; ++i) huge[29 + static_cast<std::size_t>(i)] = static_cast<char>(sum >> (24 - 8 * i));
  EXPECT_EQ(refused(422, "POST", "/api/v1/pictures", huge), "too_many_pixels");
}

TEST_F(ApiTest, AJobIsAsTheRequestSays) {
  const auto picture = upload();
  const auto job =
      told(201, "POST", "/api/v1/jobs", json{{"picture", picture}, {"target", "a"}, {"name", "mine"}}.dump());
  EXPECT_EQ(job.at("name"), "mine");
  EXPECT_EQ(job.at("position"), 1);
  EXPECT_EQ(job.at("picture"), picture);
  EXPECT_EQ(job.at("command"), "forgedit edit picture.png a --draw-batch 1");
  EXPECT_FALSE(job.at("request").contains("name"));
  EXPECT_EQ(refused(400, "POST", "/api/v1/jobs", "{\"gama\":1}"), "bad_request");
  const std::string id = job.at("id");
  EXPECT_EQ(told(200, "GET", "/api/v1/jobs?kind=edit&picture=" + picture).at("jobs").size(), 1U);
  EXPECT_EQ(told(200, "GET", "/api/v1/jobs?kind=draw").at("jobs").size(), 0U);
  EXPECT_EQ(told(200, "PATCH", "/api/v1/jobs/" + id, "{\"name\":\"new\"}").at("name"), "new");
  EXPECT_EQ(told(400, "PATCH", "/api/v1/jobs/" + id, "{\"nmae\":\"new\"}").at("error").at("message"),
            "unknown key; did you mean 'name'?");
  EXPECT_EQ(refused(409, "POST", "/api/v1/jobs/" + id + "/retry"), "not_over");
  EXPECT_EQ(told(202, "POST", "/api/v1/jobs/" + id + "/cancel", "{\"when\":\"picture\"}").at("state"),
            "cancelled");
  EXPECT_EQ(told(201, "POST", "/api/v1/jobs/" + id + "/retry").at("state"), "queued");
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/" + id).status, 204);
  EXPECT_EQ(refused(404, "GET", "/api/v1/jobs/" + id), "job_unknown");
}

TEST_F(ApiTest, OneMayWaitForAChange) {
  const auto id = add({{"picture", upload()}, {"target", "a"}});
  const auto version = store_.job(id)->version;
  const auto place = "/api/v1/jobs/" + id + "?wait=5&version=";
  EXPECT_EQ(ask("GET", place + std::to_string(version)).wait, 5s);
  EXPECT_EQ(ask("GET", place + std::to_string(version - 1)).wait, 0s);
  store_.request_cancel(id);
  EXPECT_EQ(ask("GET", place + "1000").wait, 0s) << "it is over";
  EXPECT_EQ(refused(400, "GET", "/api/v1/jobs/" + id + "?wait=26"), "bad_request");
}

TEST_F(ApiTest, AKeyMakesOneJobOnly) {
  const auto body = json{{"picture", upload()}, {"target", "a"}}.dump();
  const std::map<std::string, std::string> key{{"idempotency-key", "k"}};
  const auto id = told(201, "POST", "/api/v1/jobs", body, key).at("id");
  EXPECT_EQ(told(200, "POST", "/api/v1/jobs", body, key).at("id"), id);
  EXPECT_EQ(told(409, "POST", "/api/v1/jobs", "{\"target\":\"b\"}", key).at("error").at("code"),
            "other_request");
  EXPECT_EQ(store_.count(JobState::queued), 1);
}

TEST_F(ApiTest, ANewerDrawSupersedesTheOlderOne) {
  const auto saved = learned(upload());
  const json draw{{"kind", "draw"}, {"learned", saved}, {"target", "a"}};
  store_.set_paused(false);
  const auto first = add(draw), second = add(draw);
  EXPECT_EQ(refused(409, "DELETE", "/api/v1/learned/" + saved), "in_use");
  const auto old = store_.job(first);
  EXPECT_TRUE(old->state == JobState::cancelled || old->cancel == CancelWhen::now);
  EXPECT_EQ(old->error_code, "superseded");
  EXPECT_EQ(store_.job(second)->lane, JobLane::interactive);
  EXPECT_EQ(store_.job(second)->picture, store_.learned(saved)->picture);
}

TEST_F(ApiTest, TheQueueIsFullForEachLaneAlone) {
  options_.most_queued = 1;
  make_router();
  const auto picture = upload();
  const json edit{{"picture", picture}, {"target", "a"}};
  const auto first = add(edit);
  told(202, "POST", "/api/v1/jobs/" + first + "/cancel");
  add(edit);
  EXPECT_EQ(refused(429, "POST", "/api/v1/jobs", edit.dump()), "queue_full");
  EXPECT_EQ(refused(429, "POST", "/api/v1/jobs/" + first + "/retry"), "queue_full");
  add({{"kind", "caption"}, {"picture", picture}});  // of the other lane
}

TEST_F(ApiTest, AQueuedJobKnowsWhenItStarts) {
  ASSERT_TRUE(knows_model());
  const auto picture = upload();
  const json edit{{"picture", picture}, {"targets", {"a cat", "a dog"}}};
  const auto first = add(edit), second = add(edit);
  EXPECT_EQ(told(200, "GET", "/api/v1/jobs/" + second).at("starts_in"), nullptr) << "the queue is paused";
  ::usleep(100'000);  // the dispatcher has seen that it is paused
  store_.set_paused(false);
  // 16 x 12 is seen as 64 x 64: 400 samples of 0.1 s, and 84 steps of 0.5 s.
  const auto job = told(200, "GET", "/api/v1/jobs/" + second);
  EXPECT_EQ(job.at("position"), 2);
  EXPECT_EQ(job.at("starts_in"), 82);
  EXPECT_EQ(job.at("title"), "a cat · a dog");
  EXPECT_EQ(told(200, "GET", "/api/v1/queue").at("queued"),
            json::parse("[{\"id\":\"" + first + "\",\"position\":1,\"starts_in\":0},{\"id\":\"" + second +
                        "\",\"position\":2,\"starts_in\":82}]"));
  store_.add_speed({"m, , ", "vanilla", 64, 64, 0.01});
  EXPECT_EQ(told(200, "GET", "/api/v1/jobs").at("jobs").at(0).at("starts_in"), 46) << "measured counts more";
  const auto speeds = told(200, "GET", "/api/v1/info").at("speeds");
  EXPECT_EQ(speeds.at(0).at("measured"), true);
  EXPECT_EQ(speeds.size(), 3U);
  // Whoever is next says so to all.
  const auto before = ring_.begin("").after;
  told(202, "POST", "/api/v1/jobs/" + first + "/cancel");
  EXPECT_TRUE(contains(ring_.next(before, 1 << 20).text,
                       "\"queued\":[{\"id\":\"" + second + "\",\"position\":1,\"starts_in\":0}]"))
      << ring_.next(before, 1 << 20).text;
}

TEST_F(ApiTest, NoOwnerFillsTheQueue) {
  options_.most_queued_each = 1;
  options_.sessions = std::make_shared<Sessions>(std::vector<OwnedToken>{{"ann", "a"}, {"bob", "b"}}, "c");
  make_router();
  const json edit{{"picture", upload()}, {"target", "a"}};
  owner_ = "ann";
  EXPECT_EQ(told(201, "POST", "/api/v1/jobs", edit.dump()).at("owner"), "ann");
  EXPECT_EQ(refused(429, "POST", "/api/v1/jobs", edit.dump()), "queue_full");
  owner_ = "bob";
  add(edit);
}

TEST_F(ApiTest, WrongTokensCountForTheirClient) {
  options_.sessions = std::make_shared<Sessions>(std::vector<OwnedToken>{{"ann", "a"}}, "c");
  options_.behind_proxy = true;
  make_router();
  for (int i = 0; i < 10; ++i) refused(401, "POST", "/api/v1/session", "{\"token\":\"b\"}");
  EXPECT_EQ(refused(429, "POST", "/api/v1/session", "{\"token\":\"a\"}"), "too_many_tries");
  const std::map<std::string, std::string> through_proxy{{"x-forwarded-for", "192.0.2.1, 192.0.2.7"}};
  EXPECT_EQ(ask("POST", "/api/v1/session", "{\"token\":\"a\"}", through_proxy).status, 204);
  client_ = "192.0.2.2";
  EXPECT_EQ(ask("POST", "/api/v1/session", "{\"token\":\"a\"}").status, 204);
}

TEST_F(ApiTest, ATryBelongsToItsJob) {
  const auto picture = upload(), saved = learned(picture), job = finished(picture);
  const json draw{{"kind", "draw"}, {"learned", saved}, {"target", "a"}, {"parent", job}};
  const auto id = told(201, "POST", "/api/v1/jobs", draw.dump()).at("id").get<std::string>();
  const auto found = told(200, "GET", "/api/v1/jobs?parent=" + job).at("jobs");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("parent"), job);
  auto wrong = draw;
  wrong["parent"] = new_id();
  EXPECT_EQ(told(400, "POST", "/api/v1/jobs", wrong.dump()).at("error").at("param"), "parent");
  store_.take();
  store_.add_picture(id, {"01-b", "{\"kind\":\"edit\"}"});
  const auto shown = told(200, "GET", "/api/v1/gallery").at("pictures").at(0);
  EXPECT_EQ(shown.at("kind"), "draw");
  EXPECT_EQ(shown.at("learned"), saved);
  EXPECT_EQ(shown.at("parent"), job);
}

TEST_F(ApiTest, ResultsAreFiles) {
  const auto id = finished(upload());
  const auto place = "/api/v1/jobs/" + id;
  const auto whole = ask("GET", place + "/pictures/01-a.png");
  EXPECT_EQ(read_png_text(whole.file).size(), 1U);
  const auto bare = ask("GET", place + "/pictures/01-a.png?metadata=none");
  EXPECT_TRUE(parse_png_text(bare.body, "bare").empty());
  EXPECT_EQ(decode_rgba_image(bare.body, "bare").width, 16);
  EXPECT_EQ(bare.headers.at(0).second, "attachment; filename=\"01-a-plain.png\"");
  EXPECT_EQ(ask("GET", place + "/pictures/01-a.png?size=thumb").content_type, "image/png")
      << "there is no copy";
  EXPECT_EQ(refused(404, "GET", place + "/pictures/02.png"), "no_such_picture");
  const auto zip = all_of(ask("GET", place + "/all.zip"));
  EXPECT_EQ(read_zip_directory(zip, "zip").size(), 3U) << "picture, report and record";
  store_.take();
  store_.set_result(id, "{\"files\":[{\"name\":\"lora.safetensors\"}]}");
  EXPECT_EQ(ask("GET", "/api/v1/exports/" + id + "/lora.safetensors").file,
            folder_ / "exports" / id / "lora.safetensors");
  EXPECT_EQ(refused(404, "GET", "/api/v1/exports/" + id + "/edit.json"), "not_found");
}

TEST_F(ApiTest, TheGalleryHasStars) {
  const auto picture = upload();
  const auto id = finished(picture);
  EXPECT_EQ(told(200, "PATCH", "/api/v1/gallery/" + id + "/01-a", "{\"star\":true}").at("star"), true);
  EXPECT_EQ(refused(404, "PATCH", "/api/v1/gallery/" + id + "/02", "{\"star\":true}"), "no_such_picture");
  EXPECT_EQ(refused(400, "PATCH", "/api/v1/gallery/" + id + "/01-a", "{\"star\":1}"), "bad_request");
  const auto all = told(200, "GET", "/api/v1/gallery?star=true&target=A&picture=" + picture).at("pictures");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("job"), id);
  EXPECT_EQ(all[0].at("thumb"), "api/v1/jobs/" + id + "/pictures/01-a.png?size=thumb");
  EXPECT_TRUE(told(200, "GET", "/api/v1/gallery?star=false").at("pictures").empty());
}

TEST_F(ApiTest, WhatIsLearnedIsNamedPinnedAndDropped) {
  const auto picture = upload();
  const auto id = learned(picture);
  EXPECT_EQ(told(200, "PATCH", "/api/v1/learned/" + id, "{\"name\":\"dog\",\"pinned\":true}").at("name"),
            "dog");
  EXPECT_EQ(told(200, "GET", "/api/v1/learned?picture=" + picture).at("learned").at(0).at("source"), "a");
  const auto zip = all_of(ask("GET", "/api/v1/learned/" + id + "/saved.zip"));
  EXPECT_EQ(read_zip_directory(zip, "zip").begin()->first,
            "learned-" + id.substr(0, 10) + ".edit/learned.json");
  const auto other = learned(picture, 10);
  EXPECT_EQ(drop_learned(folder_, store_, 5), std::vector<std::string>{other}) << "the first one is pinned";
  EXPECT_FALSE(std::filesystem::exists(learned_folder(folder_, other)));
  EXPECT_EQ(ask("DELETE", "/api/v1/learned/" + id).status, 204);
  EXPECT_EQ(refused(404, "GET", "/api/v1/learned/" + id), "no_such_learned");
}

TEST_F(ApiTest, SavedEditsUsedLongAgoAreDroppedFirst) {
  const auto picture = upload();
  const auto add = [&](std::int64_t used, std::int64_t bytes) {
    const auto id = new_id();
    make_directory(learned_folder(folder_, id));
    store_.add_learned({id, "", false, picture, "job", 1, used, bytes, "{}"});
    return id;
  };
  const auto oldest = add(1, 3), old = add(2, 7), new_one = add(3, 5), huge = add(4, 11);
  EXPECT_EQ(drop_learned(folder_, store_, 20), (std::vector<std::string>{old, oldest}))
      << "the oldest would fit, but others were used later";
  EXPECT_EQ(drop_learned(folder_, store_, 10), std::vector<std::string>{huge})
      << "one that never fits does not take the place of the others";
  EXPECT_TRUE(std::filesystem::exists(learned_folder(folder_, new_one)));
}

TEST_F(ApiTest, WhatLiesInTheFolderIsWhatIsKnown) {
  const auto there = new_id(), gone = new_id(), damaged = new_id();
  const auto folder = learned_folder(folder_, there);
  make_directory(folder);
  write_file_atomically(folder / "learned.json",
                        "{\"source\":\"a dog\",\"losses\":[1],\"learning\":{\"method\":\"imagic\"},"
                        "\"frame\":{\"width\":16,\"height\":12},\"base_model\":{\"name\":\"m\"}}");
  write_file_atomically(folder / "original.png", png());
  make_directory(learned_folder(folder_, damaged));
  store_.add_learned({gone, "", false, "", "job", 1, 1, 1, "{}"});
  match_learned(folder_, store_);
  EXPECT_FALSE(store_.learned(gone));
  EXPECT_FALSE(store_.learned(damaged));
  const auto found = told(200, "GET", "/api/v1/learned/" + there);
  EXPECT_EQ(found.at("method"), "imagic");
  EXPECT_EQ(found.at("width"), 16);
  EXPECT_GT(found.at("bytes"), 100);
}

TEST_F(ApiTest, TheModelDecidesWhatFits) {
  ASSERT_TRUE(knows_model());
  const auto id = upload();
  const auto frame = told(200, "GET", "/api/v1/pictures/" + id).at("frame");
  EXPECT_EQ(frame.at("grid_width").get<int>() % 32, 0);
  EXPECT_GE(frame.at("width"), frame.at("height"));
  const auto saved = new_id();
  store_.add_learned({saved, "", false, id, "job", 1, 1, 1, "{\"model\":{\"name\":\"other\"}}"});
  const json draw{{"kind", "draw"}, {"learned", saved}, {"target", "a"}};
  EXPECT_EQ(refused(409, "POST", "/api/v1/jobs", draw.dump()), "other_model");
}

TEST_F(ApiTest, QueueWorkerAndDisk) {
  EXPECT_EQ(told(200, "PATCH", "/api/v1/queue", "{\"paused\":false}").at("paused"), false);
  EXPECT_EQ(told(200, "GET", "/api/v1/queue").at("length"), 0);
  ASSERT_TRUE(knows_model());
  EXPECT_EQ(told(200, "GET", "/api/v1/info").at("model").at("name"), "m");
  EXPECT_EQ(ask("POST", "/api/v1/worker/unload").status, 202);
  EXPECT_TRUE(ask("GET", "/api/v1/events?previews=1").previews);
  options_.keep_free = std::uint64_t{1} << 60;
  make_router();
  EXPECT_EQ(refused(507, "POST", "/api/v1/pictures", png()), "disk_full");
  EXPECT_EQ(refused(507, "POST", "/api/v1/jobs", "{\"target\":\"a\"}"), "disk_full");
}

}  // namespace
}  // namespace forgedit
