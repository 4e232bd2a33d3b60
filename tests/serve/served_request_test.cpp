#include "apps/common/served_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/common/job_work.h"
#include "forgedit/serve/ids.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;

class ServedRequestTest : public testing::TemporaryFolder {
 protected:
  ServedRequestTest() {
    make_directory(folder_ / "pictures" / picture_);
    write_file_atomically(folder_ / "pictures" / picture_ / "picture.png", "a file");
  }
  json edit(const json& more = json::object()) const {
    json request{{"picture", picture_}, {"source", "a square"}, {"target", "a red square"}};
    request.update(more);
    return request;
  }
  JobRequest read(const json& request) const { return served_request(request, folder_, id_); }
  std::string field(const json& request) const {
    return testing::field_of([&] { read(request); });
  }

  const std::string picture_ = new_id(), id_ = new_id();
};

TEST_F(ServedRequestTest, ItsWorkIsCounted) {
  const auto work = [&](const json& more) { return work_of(read(edit(more))); };
  const auto sweep = work({{"gamma", {0.8, 1.0}}, {"seeds", {1, 2}}, {"steps", 20}, {"samples", 200}});
  EXPECT_EQ(sweep.learning, "vanilla");
  EXPECT_EQ(sweep.samples, 200);
  EXPECT_EQ(sweep.batch, 10);
  EXPECT_EQ(sweep.images, 5) << "with the reconstruction";
  EXPECT_EQ(sweep.steps, 100);
  const auto best = work({{"auto", {{"pictures", 12}}}, {"steps", 20}, {"size", "64x32"}});
  EXPECT_EQ(best.images, 16) << "candidates of fewer steps, the best three again, and the reconstruction";
  EXPECT_EQ(best.width, 64);
  EXPECT_EQ(parse_work(work_text(best)).height, 32);
  EXPECT_EQ(parse_work("[]").images, 0);
}

TEST_F(ServedRequestTest, IdsBecomePlacesBelowTheData) {
  const auto job = std::get<EditJob>(read(edit()));
  EXPECT_EQ(job.learn.picture, folder_ / "pictures" / picture_ / "picture.png");
  EXPECT_EQ(job.out, folder_ / "jobs" / id_);
  EXPECT_TRUE(job.learn.save.empty());
  EXPECT_EQ(job.drawing.batch, 1);
  EXPECT_EQ(std::get<EditJob>(read(edit({{"draw_batch", 3}}))).drawing.batch, 3);
  const auto caption = std::get<CaptionRequest>(read({{"kind", "caption"}, {"picture", picture_}}));
  EXPECT_EQ(caption.pictures.at(0), job.learn.picture);
}

TEST_F(ServedRequestTest, NoPlaceOfThisMachineIsTaken) {
  for (const auto& place :
       {std::string("../secret"), std::string("/etc/passwd"), std::string(), picture_ + "/..", new_id()}) {
    EXPECT_EQ(field(edit({{"picture", place}})), "picture") << place;
  }
  EXPECT_EQ(field({{"learned", picture_}, {"target", "a"}}), "learned");
  EXPECT_EQ(field(edit({{"captioner", "/tmp"}})), "captioner");
  EXPECT_EQ(field(edit({{"auto", {{"clip", "/tmp"}}}})), "auto.clip");
  EXPECT_EQ(field(edit({{"auto", {{"lpips", "/tmp"}}}})), "auto.lpips");
  EXPECT_EQ(field(edit({{"model", "/tmp"}})), "model");
  EXPECT_EQ(field(edit({{"out", "/tmp"}})), "out");
}

TEST_F(ServedRequestTest, EachKindHasItsPlace) {
  const auto learn =
      std::get<LearnRequest>(read({{"kind", "learn"}, {"picture", picture_}, {"source", "a"}}));
  EXPECT_TRUE(learn.save.empty());
  EXPECT_EQ(field({{"kind", "learn"}, {"picture", picture_}, {"source", "a"}, {"samples", 1}}), "samples");
  const auto missing = new_id();
  for (const char* kind : {"edit", "draw", "export"}) {
    EXPECT_EQ(field({{"kind", kind}, {"learned", missing}, {"target", "a"}}), "learned") << kind;
  }
  const auto score = std::get<ScoreRequest>(
      read({{"kind", "score"}, {"picture", picture_}, {"edited", picture_}, {"target", "a"}}));
  EXPECT_EQ(score.edited.at(0), score.original);
  EXPECT_EQ(field({{"kind", "score"}, {"picture", picture_}, {"edited", "/etc/passwd"}, {"target", "a"}}),
            "edited");
}

TEST_F(ServedRequestTest, NotTooMuch) {
  EXPECT_EQ(field(edit({{"target", std::string(4001, 'a')}})), "target");
  EXPECT_EQ(field(edit({{"target", {"a", std::string(4001, 'a')}}})), "target");
  EXPECT_NO_THROW(read(edit({{"gamma", 1}, {"repeat", 200}})));
  EXPECT_EQ(field(edit({{"gamma", 1}, {"repeat", 201}})), "targets");
  EXPECT_EQ(field(edit({{"auto", {{"pictures", 201}}}})), "targets");
  EXPECT_EQ(field(edit({{"gama", 1}})), "gama");
}

}  // namespace
}  // namespace forgedit
