#include "forgedit/serve/events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;

constexpr std::size_t kPlenty = 1 << 20;

TEST(EventRing, AReaderGetsWhatComesAfterIt) {
  EventRing ring("b");
  ring.publish("job", "{\"n\":1}");
  auto place = ring.begin("");
  EXPECT_TRUE(contains(place.text, "id: b-1\nevent: hello\ndata: {\"boot\":\"b\"}\n\n")) << place.text;
  EXPECT_FALSE(contains(place.text, "resync"));
  EXPECT_TRUE(ring.next(place.after, kPlenty).text.empty());
  ring.publish("job", "{\"n\":2}");
  ring.publish("picture", "{}");
  place = ring.next(place.after, kPlenty);
  EXPECT_EQ(place.text, "id: b-2\nevent: job\ndata: {\"n\":2}\n\nid: b-3\nevent: picture\ndata: {}\n\n");
  EXPECT_TRUE(ring.next(place.after, kPlenty).text.empty());
}

TEST(EventRing, PreviewsAreForThoseThatWantThemAndDoNotStay) {
  EventRing ring("b");
  ring.publish_preview("preview", "1");
  ring.publish("job", "2");
  EXPECT_EQ(ring.next(0, kPlenty).text, "id: b-2\nevent: job\ndata: 2\n\n");
  EXPECT_EQ(ring.next(0, kPlenty).after, 2U);
  EXPECT_EQ(ring.next(0, kPlenty, true).text,
            "id: b-1\nevent: preview\ndata: 1\n\nid: b-2\nevent: job\ndata: 2\n\n");
  for (std::size_t i = 0; i < EventRing::kMostPreviews; ++i) ring.publish_preview("preview", "n");
  const auto text = ring.next(0, kPlenty, true).text;
  EXPECT_FALSE(contains(text, "data: 1\n")) << "the oldest is gone";
  EXPECT_TRUE(contains(text, "id: b-2\n"));
  EXPECT_FALSE(contains(text, "resync"));
}

TEST(EventRing, AReaderThatComesBackGetsWhatItMissed) {
  EventRing ring("b", 3);
  for (int i = 1; i <= 5; ++i) ring.publish("job", std::to_string(i));
  auto place = ring.begin("b-3");
  EXPECT_FALSE(contains(place.text, "resync"));
  EXPECT_EQ(ring.next(place.after, kPlenty).text,
            "id: b-4\nevent: job\ndata: 4\n\nid: b-5\nevent: job\ndata: 5\n\n");
  EXPECT_FALSE(contains(ring.begin("b-2").text, "resync")) << "3, 4 and 5 are there";
}

TEST(EventRing, WhatIsNotKnownMeansReadingAnew) {
  EventRing ring("b", 3);
  for (int i = 1; i <= 5; ++i) ring.publish("job", std::to_string(i));
  for (const auto* id : {"b-1", "b-6", "a-4", "b-", "b-4x", "b--1", "b-99999999999999999999999", "x"}) {
    const auto place = ring.begin(id);
    EXPECT_TRUE(contains(place.text, "id: b-5\nevent: resync\n")) << id;
    EXPECT_TRUE(ring.next(place.after, kPlenty).text.empty()) << id;
  }
}

TEST(EventRing, ASlowReaderIsToldToReadAnew) {
  EventRing ring("b", 3);
  const auto place = ring.begin("");
  for (int i = 1; i <= 4; ++i) ring.publish("job", std::to_string(i));
  const auto next = ring.next(place.after, kPlenty);
  EXPECT_EQ(next.text, "id: b-4\nevent: resync\ndata: {}\n\n");
  EXPECT_TRUE(ring.next(next.after, kPlenty).text.empty());
}

TEST(EventRing, APartIsAsLongAsAskedFor) {
  EventRing ring("b");
  for (int i = 1; i <= 3; ++i) ring.publish("job", std::string(100, 'x'));
  auto place = ring.next(0, 1);
  EXPECT_EQ(place.after, 1U) << "at least one";
  place = ring.next(place.after, 300);
  EXPECT_EQ(place.after, 3U);
}

TEST(EventRing, LargeEventsAreBoundedTogether) {
  EventRing ring("b");
  for (int i = 0; i < 100; ++i) ring.publish("job", std::string(1 << 20, 'x'));
  EXPECT_LE(ring.next(99, kPlenty).text.size(), std::size_t{2} << 20);
  EXPECT_TRUE(contains(ring.next(1, kPlenty).text, "resync"));
}

TEST(EventRing, ThreadsShareIt) {
  EventRing ring("b", 100);
  std::atomic<int> wakes{0};
  ring.on_publish([&](bool) { ++wakes; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) ring.publish("job", "{}");
    });
  }
  std::uint64_t after = 0;
  while (after < 2000) after = ring.next(after, 1000).after;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wakes, 2000);
}

}  // namespace
}  // namespace forgedit
