#include "forgedit/serve/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "forgedit/serve/ids.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

class StoreTest : public testing::TemporaryFolder {
 protected:
  std::filesystem::path file() const { return folder_ / "forgedit.db"; }
};

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
  EXPECT_TRUE(running->cancel_requested);
  EXPECT_FALSE(store.request_cancel(new_id()));
  EXPECT_EQ(store.put_all_back(), 0) << "what was to be cancelled does not come back";
  EXPECT_EQ(store.job(a.id)->state, JobState::cancelled);
}

TEST_F(StoreTest, ListsArePagedFromTheNewest) {
  Store store(file());
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(store.add_job("edit", "{}").id);
  const auto page = store.jobs(std::nullopt, "", 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, ids[4]);
  const auto next = store.jobs(std::nullopt, page[1].id, 10);
  ASSERT_EQ(next.size(), 3U);
  EXPECT_EQ(next[0].id, ids[2]);
  store.take();
  const auto running = store.jobs(JobState::running, "", 10);
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].id, ids[0]);
  EXPECT_TRUE(store.jobs(std::nullopt, "' OR 1=1 --", 10).empty());
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
    store.add_upload({"u", "hash", 7, "picture.png", 1});
  }
  const Store again(file());
  EXPECT_EQ(again.upload("u")->file, "picture.png");
  EXPECT_EQ(again.uploads_like("hash", 7).size(), 1U);
  EXPECT_TRUE(again.uploads_like("hash", 8).empty());
  EXPECT_FALSE(again.upload("v"));
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

TEST_F(StoreTest, AFileOfANewerVersionOrAnotherKindIsRefused) {
  { const Store store(file()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, "PRAGMA user_version=99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  const auto message = testing::message_of([&] { const Store store(file()); });
  EXPECT_TRUE(testing::contains(message, "forgedit.db: version 99, expected at most 1")) << message;

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
