#include "forgedit/serve/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "forgedit/core/files.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/orphans.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

class StoreTest : public testing::TemporaryFolder {
 protected:
  std::filesystem::path file() const { return folder_ / "forgedit.db"; }
};

std::vector<std::string> queue_of(const Store& store) {
  std::vector<std::string> ids;
  for (const auto& job : store.waiting()) ids.push_back(job.id);
  return ids;
}

TEST(Ids, HaveTheirFormAndSortByTime) {
  const auto first = new_id();
  ::usleep(2'000);
  const auto second = new_id();
  EXPECT_TRUE(is_id(first));
  EXPECT_LT(first, second);
  for (const std::string wrong : {"", "..", "../../etc/passwd", "a/b"}) EXPECT_FALSE(is_id(wrong)) << wrong;
  EXPECT_FALSE(is_id(std::string(26, 'A')));
  EXPECT_FALSE(is_id(first + "a"));
}

TEST_F(StoreTest, JobsAreTakenInTheirOrder) {
  Store store(file());
  const auto a = store.add_job("edit", "{\"a\":1}"), b = store.add_job("caption", "{}");
  EXPECT_EQ(a.state, JobState::queued);
  EXPECT_EQ(store.count(JobState::queued), 2);
  const auto taken = store.take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->id, a.id);
  EXPECT_EQ(taken->request, "{\"a\":1}");
  EXPECT_EQ(taken->state, JobState::running);
  EXPECT_GT(taken->version, a.version);
  EXPECT_EQ(store.take()->id, b.id);
  EXPECT_FALSE(store.take());
}

TEST_F(StoreTest, AJobThatIsPutBackIsNextAgain) {
  Store store(file());
  const auto a = store.add_job("edit", "{}"), b = store.add_job("edit", "{}");
  store.take();
  store.put_back(a.id, /*worker_died=*/true);
  store.put_back(b.id, true);  // does not run: nothing happens
  EXPECT_EQ(store.job(b.id)->lost_workers, 0);
  const auto again = store.take();
  EXPECT_EQ(again->id, a.id);
  EXPECT_EQ(again->lost_workers, 1);
}

TEST_F(StoreTest, AJobThatIsOverStaysSo) {
  Store store(file());
  const auto job = store.add_job("edit", "{}");
  store.finish(job.id, {JobState::done, "", ""});
  EXPECT_EQ(store.job(job.id)->state, JobState::queued) << "only what runs can end";
  store.take();
  store.finish(job.id, {JobState::failed, "failure", "no such thing"});
  const auto failed = store.job(job.id);
  EXPECT_EQ(failed->state, JobState::failed);
  EXPECT_EQ(failed->error, "no such thing");
  EXPECT_EQ(store.request_cancel(job.id)->state, JobState::failed);
  store.put_back(job.id, true);
  EXPECT_EQ(store.put_all_back(), 0);
  EXPECT_EQ(store.job(job.id)->state, JobState::failed);
}

TEST_F(StoreTest, CancellingIsAtOnceOrNoted) {
  Store store(file());
  const auto a = store.add_job("edit", "{}"), b = store.add_job("edit", "{}");
  store.take();
  EXPECT_EQ(store.request_cancel(b.id)->state, JobState::cancelled);
  const auto running = store.request_cancel(a.id);
  EXPECT_EQ(running->state, JobState::running);
  EXPECT_EQ(running->cancel, CancelWhen::now);
  EXPECT_FALSE(store.request_cancel(new_id()));
  EXPECT_EQ(store.put_all_back(), 0) << "what was to be cancelled does not come back";
  EXPECT_EQ(store.job(a.id)->state, JobState::cancelled);
}

TEST_F(StoreTest, AJobThatGoesBackWhileItIsCancelledEnds) {
  Store store(file());
  const auto job = store.add_job("edit", "{}");
  store.take();
  store.request_cancel(job.id, CancelWhen::picture);
  store.put_back(job.id, /*worker_died=*/false);
  const auto ended = store.job(job.id);
  EXPECT_EQ(ended->state, JobState::cancelled);
  EXPECT_GT(ended->ended, 0);
  EXPECT_FALSE(store.take());
}

JobFilter older_than(const std::string& id) {
  JobFilter filter;
  filter.before = id;
  return filter;
}

TEST_F(StoreTest, ListsArePagedFromTheNewest) {
  Store store(file());
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(store.add_job("edit", "{}").id);
  const auto page = store.jobs({}, 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, ids[4]);
  const auto next = store.jobs(older_than(page[1].id), 10);
  ASSERT_EQ(next.size(), 3U);
  EXPECT_EQ(next[0].id, ids[2]);
  store.take();
  JobFilter in_state;
  in_state.state = JobState::running;
  const auto running = store.jobs(in_state, 10);
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].id, ids[0]);
  EXPECT_TRUE(store.jobs(older_than("' OR 1=1 --"), 10).empty());
  EXPECT_EQ(testing::field_of([] { parse_job_state("lost"); }), "state");
}

TEST_F(StoreTest, PicturesAndUploadsAreFoundAgain) {
  {
    Store store(file());
    const auto job = store.add_job("edit", "{}");
    store.add_picture(job.id, {"b", "{}"});
    store.add_picture(job.id, {"a", "{\"seed\":1}"});
    store.add_picture(job.id, {"a", "{\"seed\":2}"});
    EXPECT_TRUE(store.has_picture(job.id, "a"));
    EXPECT_FALSE(store.has_picture(job.id, "../a"));
    const auto pictures = store.pictures(job.id);
    ASSERT_EQ(pictures.size(), 2U);
    EXPECT_EQ(pictures[0].entry, "{\"seed\":2}");
    store.add_upload({"u", "hash", 7, "picture.png", 1, "my dog.png", 16, 12, true});
  }
  const Store again(file());
  EXPECT_EQ(again.upload("u")->file, "picture.png");
  EXPECT_TRUE(again.upload("u")->has_alpha);
  EXPECT_EQ(again.uploads_like("hash", 7).size(), 1U);
  EXPECT_TRUE(again.uploads_like("hash", 8).empty());
  EXPECT_FALSE(again.upload("v"));
}

TEST_F(StoreTest, InteractiveJobsGoFirstAndTheNewestOneWins) {
  Store store(file());
  const JobPlace slider{JobLane::interactive, "", "l", "", "", ""};
  const auto batch = store.add_job("edit", "{}"), a = store.add_job("draw", "{}", slider);
  EXPECT_TRUE(store.is_in_use("l"));
  EXPECT_EQ(store.take()->id, a.id);
  const auto b = store.add_job("draw", "{}", slider), c = store.add_job("draw", "{}", slider);
  const JobPlace elsewhere{JobLane::interactive, "", "m", "", "", ""};
  const auto other = store.add_job("draw", "{}", elsewhere);
  EXPECT_EQ(store.supersede(c.id), (std::vector<std::string>{a.id, b.id})) << "of this learned picture";
  store.request_cancel(other.id);
  EXPECT_EQ(store.job(a.id)->cancel, CancelWhen::now);
  EXPECT_EQ(store.job(b.id)->state, JobState::cancelled);
  EXPECT_EQ(store.job(b.id)->error_code, "superseded");
  store.finish(a.id, {JobState::cancelled, "", ""});
  EXPECT_EQ(store.job(a.id)->error_code, "superseded");
  EXPECT_EQ(store.job(a.id)->error, "a newer request for the same saved edit replaced it");
  EXPECT_EQ(queue_of(store), (std::vector<std::string>{c.id, batch.id}));
  const auto caption = store.add_job("caption", "{}", slider);
  EXPECT_TRUE(store.supersede(caption.id).empty()) << "of another kind";
  EXPECT_EQ(store.take(JobLane::interactive)->id, c.id);
  EXPECT_EQ(store.take(JobLane::interactive)->id, caption.id);
  EXPECT_FALSE(store.take(JobLane::interactive));
}

JobPlace of(const std::string& owner, JobLane lane = JobLane::batch) {
  JobPlace place;
  place.owner = owner;
  place.lane = lane;
  place.title = owner;
  return place;
}

TEST_F(StoreTest, OwnersTakeTurns) {
  Store store(file());
  for (const auto* owner : {"A", "A", "B", "C", "C", "A"}) store.add_job("edit", "{}", of(owner));
  const auto planned = queue_of(store);
  std::string order;
  for (const auto& next : planned) {
    const auto taken = store.take();
    EXPECT_EQ(taken->id, next) << "as the queue said";
    order += taken->owner;
    store.finish(taken->id, {JobState::done, "", ""});
  }
  EXPECT_EQ(order, "ABCACA");
  store.add_job("edit", "{}", of("C"));
  store.add_job("edit", "{}", of("B"));
  EXPECT_EQ(store.take()->owner, "B") << "who was served longer ago";
}

TEST_F(StoreTest, WhoIsInterruptedKeepsTheTurn) {
  Store store(file());
  const auto first = store.add_job("edit", "{}", of("A"));
  store.add_job("edit", "{}", of("A"));
  store.add_job("edit", "{}", of("B"));
  EXPECT_EQ(store.take()->id, first.id);
  EXPECT_EQ(store.job(queue_of(store).front())->owner, "B");
  store.put_back(first.id, /*worker_died=*/false);
  EXPECT_EQ(store.take()->id, first.id);
  store.put_all_back();
  EXPECT_EQ(store.take()->id, first.id);
}

TEST_F(StoreTest, SlidersOfOthersStay) {
  Store store(file());
  const auto mine = store.add_job("draw", "{}", of("A", JobLane::interactive)),
             theirs = store.add_job("draw", "{}", of("B", JobLane::interactive));
  EXPECT_TRUE(store.supersede(theirs.id).empty());
  EXPECT_EQ(store.count_queued(JobLane::interactive), 2);
  EXPECT_EQ(store.count_queued(JobLane::interactive, "A"), 1);
  EXPECT_EQ(store.job(mine.id)->title, "A");
}

TEST_F(StoreTest, AJobsTimeIsThatOfAllItsPieces) {
  Store store(file());
  const auto job = store.add_job("edit", "{}");
  for (int i = 0; i < 2; ++i) {
    store.take();
    ::usleep(30'000);
    store.put_back(job.id, false);
  }
  const auto interrupted = store.job(job.id)->spent;
  EXPECT_GE(interrupted, 60);
  store.take();
  ::usleep(30'000);
  store.finish(job.id, {JobState::failed, "failure", "no"});
  EXPECT_GE(store.job(job.id)->spent, interrupted + 30);
  EXPECT_TRUE(store.retry(job.id));
  EXPECT_GE(store.job(job.id)->spent, interrupted + 30) << "it goes on";
}

TEST_F(StoreTest, SpeedsAreMediansOfTheLastOnes) {
  Store store(file());
  for (const double seconds : {9.0, 9.0, 9.0, 1.0, 2.0, 30.0, 3.0, 4.0}) {
    store.add_speed({"m", "images", 64, 32, seconds});
  }
  store.add_speed({"m", "vanilla", 64, 32, 0.5});
  store.add_speed({"other", "images", 64, 32, 7});
  const auto speeds = store.speeds("m");
  ASSERT_EQ(speeds.size(), 2U);
  EXPECT_EQ(speeds[0].work, "images");
  EXPECT_DOUBLE_EQ(speeds[0].seconds, 3);
  EXPECT_DOUBLE_EQ(speeds[1].seconds, 0.5);
}

TEST_F(StoreTest, AQueuedJobMovesInFrontOfAnother) {
  Store store(file());
  const auto a = store.add_job("edit", "{}"), b = store.add_job("edit", "{}"),
             c = store.add_job("edit", "{}");
  EXPECT_TRUE(store.move_before(c.id, b.id));
  EXPECT_EQ(queue_of(store), (std::vector<std::string>{a.id, c.id, b.id}));
  EXPECT_TRUE(store.move_before(b.id, a.id));
  EXPECT_EQ(queue_of(store), (std::vector<std::string>{b.id, a.id, c.id}));
  store.take();
  EXPECT_FALSE(store.move_before(c.id, b.id)) << "it runs";
}

TEST_F(StoreTest, AJobMayBeTriedAgainOrForgotten) {
  Store store(file());
  const auto job = store.add_job("edit", "{}", {JobLane::batch, "", "", "", "key", "hash"});
  EXPECT_EQ(store.known_key("key")->job, job.id);
  EXPECT_FALSE(store.retry(job.id)) << "it is not over";
  store.take();
  EXPECT_FALSE(store.remove_job(job.id)) << "it runs";
  store.add_picture(job.id, {"a", "{}"});
  store.add_note(job.id, {"a word", true});
  store.finish(job.id, {JobState::failed, "failure", "no"});
  EXPECT_TRUE(store.retry(job.id));
  EXPECT_EQ(store.job(job.id)->error, "");
  EXPECT_EQ(store.notes(job.id).size(), 1U);
  EXPECT_TRUE(store.remove_job(job.id));
  EXPECT_FALSE(store.job(job.id));
  EXPECT_TRUE(store.pictures(job.id).empty());
  EXPECT_FALSE(store.known_key("key"));
}

TEST_F(StoreTest, TheGalleryHasThePicturesOfAllJobs) {
  Store store(file());
  const auto a = store.add_job("edit", "{}", {JobLane::batch, "up", "", "", "", ""}),
             b = store.add_job("edit", "{}");
  store.add_picture(a.id, {"1", "{\"target\":\"a Red square\"}"});
  store.add_picture(b.id, {"1", "{\"target\":\"100% wool\"}"});
  store.add_picture(b.id, {"2", "{}"});
  EXPECT_TRUE(store.mark_picture(b.id, "1", true, std::nullopt));
  EXPECT_FALSE(store.mark_picture(b.id, "9", true, true));
  store.add_picture(b.id, {"1", "{\"target\":\"100% wool\"}"});
  const auto stems = [&](const GalleryFilter& filter) {
    std::string text;
    for (const auto& found : store.gallery(filter, 10))
      text += found.picture.stem + (found.picture.star ? "*" : "");
    return text;
  };
  EXPECT_EQ(stems({}), "21*1");
  EXPECT_EQ(stems({true, "", "", 0}), "1*") << "the star stays where a picture is told again";
  EXPECT_EQ(stems({{}, "up", "", 0}), "1");
  EXPECT_EQ(stems({{}, "", "red", 0}), "1");
  EXPECT_EQ(stems({{}, "", "%", 0}), "1*");
  EXPECT_EQ(stems({{}, "", "_", 0}), "");
  const auto first = store.gallery({}, 1).at(0);
  EXPECT_EQ(stems({{}, "", "", first.seq}), "1*1");
  store.mark_picture(b.id, "2", {}, true);
  EXPECT_EQ(stems({}), "1*1") << "hidden";
}

TEST_F(StoreTest, WhatIsLearnedKeepsItsNameAndPin) {
  Store store(file());
  StoredLearned learned{"a", "", false, "up", "job", 1, 1, 10, "{}"};
  store.add_learned(learned);
  EXPECT_TRUE(store.change_learned("a", "my dog", true));
  EXPECT_FALSE(store.change_learned("b", "x", {}));
  learned.bytes = 20;
  store.add_learned(learned);
  const auto found = store.learned("a");
  EXPECT_EQ(found->name, "my dog");
  EXPECT_TRUE(found->pinned);
  EXPECT_EQ(found->bytes, 20);
  learned.id = "b";
  learned.used = 2;
  store.add_learned(learned);
  EXPECT_EQ(store.all_learned().at(0).id, "b");
  store.use_learned("a");
  EXPECT_EQ(store.all_learned().at(0).id, "a");
}

TEST_F(StoreTest, AFileOfTheFirstVersionIsBroughtUpToDate) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
  const auto* script =
      "CREATE TABLE job(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
      " request TEXT NOT NULL, state INTEGER NOT NULL, cancel INTEGER NOT NULL DEFAULT 0,"
      " lost INTEGER NOT NULL DEFAULT 0, made INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0,"
      " ended INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1,"
      " error_code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT "
      "'');"
      "CREATE TABLE picture(job TEXT NOT NULL REFERENCES job(id), stem TEXT NOT NULL, entry TEXT NOT NULL,"
      " PRIMARY KEY(job, stem)) WITHOUT ROWID;"
      "CREATE TABLE upload(id TEXT PRIMARY KEY, content TEXT NOT NULL, bytes INTEGER NOT NULL,"
      " file TEXT NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID;"
      "INSERT INTO job(id, kind, request, state, made) VALUES('a', 'edit', '{\"targets\":[\"a cat\"]}', 0, "
      "1);"
      "INSERT INTO picture VALUES('a', 'stem', '{}');"
      "INSERT INTO upload VALUES('u', 'hash', 7, 'picture.png', 1);"
      "PRAGMA user_version=1";
  ASSERT_EQ(sqlite3_exec(database, script, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
  Store store(file());
  EXPECT_EQ(store.pictures("a").at(0).stem, "stem");
  EXPECT_EQ(store.upload("u")->name, "");
  EXPECT_EQ(store.job("a")->title, "a cat");
  EXPECT_EQ(store.job("a")->cover, "stem");
  EXPECT_EQ(store.take()->lane, JobLane::batch);
}

// What a call has returned from is there, whenever the process is killed.
TEST_F(StoreTest, NothingIsLostWhenTheProcessIsKilled) {
  int ids[2];
  ASSERT_EQ(::pipe(ids), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(ids[0]);
    Store store(file());
    store.add_job("edit", "{\"first\":true}");
    store.take();
    for (;;) {
      const auto id = store.add_job("edit", "{}").id;
      if (::write(ids[1], id.data(), id.size()) < 0) ::_exit(1);
    }
  }
  ::close(ids[1]);
  std::string told;
  char buffer[4096];
  while (told.size() < 26 * 20) {
    const auto count = ::read(ids[0], buffer, sizeof buffer);
    ASSERT_GT(count, 0);
    told.append(buffer, static_cast<std::size_t>(count));
  }
  ::kill(child, SIGKILL);
  for (ssize_t count = 0; (count = ::read(ids[0], buffer, sizeof buffer)) > 0;) {
    told.append(buffer, static_cast<std::size_t>(count));
  }
  ::waitpid(child, nullptr, 0);
  ::close(ids[0]);
  Store store(file());
  for (std::size_t i = 0; i + 26 <= told.size(); i += 26) EXPECT_TRUE(store.job(told.substr(i, 26)));
  EXPECT_EQ(store.put_all_back(), 1);
  EXPECT_EQ(store.take()->request, "{\"first\":true}");
}

TEST_F(StoreTest, FoldersThatItDoesNotKnowAreRemoved) {
  Store store(file());
  const auto job = store.add_job("edit", "{}").id, upload = new_id(), orphan = new_id();
  store.add_upload({upload, "hash", 7, "picture.png", 1, "dog", 16, 12, false});
  for (const char* kind : {"jobs", "exports", "pictures"}) {
    for (const auto& name : {job, upload, orphan, std::string("mine")}) {
      make_directory(folder_ / kind / name);
      write_file_atomically(folder_ / kind / name / "file", "x");
    }
  }
  remove_orphans(folder_, store);
  EXPECT_EQ(list_directory(folder_ / "jobs"), (std::vector<std::string>{job, "mine"}));
  EXPECT_EQ(list_directory(folder_ / "exports"), (std::vector<std::string>{job, "mine"}));
  EXPECT_EQ(list_directory(folder_ / "pictures"), (std::vector<std::string>{upload, "mine"}));
}

TEST_F(StoreTest, AFileOfANewerVersionOrAnotherKindIsRefused) {
  { const Store store(file()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, "PRAGMA user_version=99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  const auto message = testing::message_of([&] { const Store store(file()); });
  EXPECT_TRUE(testing::contains(message, "forgedit.db: version 99, expected at most 3")) << message;

  write_file_atomically(folder_ / "other", std::string(4096, 'x'));
  const auto other = testing::message_of([&] { const Store store(folder_ / "other"); });
  EXPECT_TRUE(testing::contains(other, "not a database")) << other;
}

TEST_F(StoreTest, ThreadsShareIt) {
  Store store(file());
  for (int i = 0; i < 40; ++i) store.add_job("edit", "{}");
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (store.take()) ++taken;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 40);
}

}  // namespace
}  // namespace forgedit
