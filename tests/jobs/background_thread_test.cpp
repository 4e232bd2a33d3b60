#include "forgedit/jobs/background_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace forgedit {
namespace {

std::vector<int> up_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(BackgroundThread, WorkIsDoneInOrderAndToldOnTheOwnersThread) {
  const auto owner = std::this_thread::get_id();
  std::vector<int> worked, told;  // without locks: ThreadSanitizer sees whether `drain` is one
  BackgroundThread thread(3);
  for (int i = 0; i < 50; ++i) {
    thread.add(
        [&, i] {
          EXPECT_NE(std::this_thread::get_id(), owner);
          worked.push_back(i);
        },
        [&, i] {
          EXPECT_EQ(std::this_thread::get_id(), owner);
          told.push_back(i);
        });
  }
  thread.drain();
  EXPECT_EQ(worked, up_to(50));
  EXPECT_EQ(told, up_to(50));
}

TEST(BackgroundThread, WithoutAQueueTheOwnerDoesTheWork) {
  const auto owner = std::this_thread::get_id();
  std::vector<int> seen;
  BackgroundThread thread(0);
  thread.add(
      [&] {
        EXPECT_EQ(std::this_thread::get_id(), owner);
        seen.push_back(0);
      },
      [&] { seen.push_back(1); });
  EXPECT_EQ(seen, up_to(2)) << "at once";
  EXPECT_THROW(thread.add([] { throw std::runtime_error("disk"); }), std::runtime_error);
}

TEST(BackgroundThread, WaitingTellsNothing) {
  int worked = 0, told = 0;
  BackgroundThread thread;
  thread.wait();
  thread.add([&] { ++worked; });
  std::promise<void> go;
  thread.add([&, ready = go.get_future().share()] { ready.wait(), ++worked; }, [&] { ++told; });
  go.set_value();
  thread.wait();
  EXPECT_EQ(worked, 2);
  EXPECT_EQ(told, 0);
  thread.collect();
  EXPECT_EQ(told, 1);
}

TEST(BackgroundThread, WorkSeesWhetherMoreIsWaiting) {
  BackgroundThread thread;
  std::promise<void> go;
  bool first = false, last = true;
  thread.add([&] {
    go.get_future().wait();
    first = thread.is_more_waiting();
  });
  thread.add([&] { last = thread.is_more_waiting(); });
  go.set_value();
  thread.drain();
  EXPECT_TRUE(first);
  EXPECT_FALSE(last);
}

TEST(BackgroundThread, AFullQueueMakesTheOwnerWait) {
  std::atomic<int> begun{0}, ended{0};
  BackgroundThread thread(2);
  for (int i = 0; i < 20; ++i) {
    thread.add([&] {
      ++begun;
      std::this_thread::yield();
      ++ended;
    });
    EXPECT_GE(ended, i - 2) << "two wait, and one is being done";
  }
  thread.drain();
  EXPECT_EQ(begun, 20);
}

TEST(BackgroundThread, AFailureIsThrownOnceAndTheRestIsDone) {
  std::vector<int> worked, told;
  BackgroundThread thread;
  std::promise<void> go;
  thread.add([ready = go.get_future().share()] { ready.wait(); });
  for (int i = 0; i < 5; ++i) {
    thread.add(
        [&, i] {
          if (i == 1 || i == 3) throw std::runtime_error("disk " + std::to_string(i));
          worked.push_back(i);
        },
        [&, i] { told.push_back(i); });
  }
  go.set_value();
  thread.wait();
  std::string message;
  try {
    thread.drain();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  EXPECT_EQ(message, "disk 1");
  EXPECT_EQ(worked, (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(told, worked) << "before the failure is thrown";
  EXPECT_NO_THROW(thread.drain());
  const auto again = [&] {
    thread.add([] { throw std::runtime_error("again"); });
    thread.drain();
  };
  EXPECT_THROW(again(), std::runtime_error);
}

TEST(BackgroundThread, WhatAListenerThrowsLosesNothing) {
  int told = 0;
  BackgroundThread thread;
  std::promise<void> go;
  thread.add([ready = go.get_future().share()] { ready.wait(); }, [] { throw std::runtime_error("stop"); });
  thread.add([] {}, [&] { ++told; });
  go.set_value();
  thread.wait();
  EXPECT_THROW(thread.collect(), std::runtime_error);
  thread.collect();
  EXPECT_EQ(told, 1);
}

TEST(BackgroundThread, ItsEndLeavesNothingUndone) {
  int worked = 0, told = 0;
  {
    BackgroundThread thread;
    for (int i = 0; i < 6; ++i) thread.add([&] { ++worked; });
    std::promise<void> go;
    thread.add([ready = go.get_future().share()] { ready.wait(); });
    thread.add([&] { ++worked; }, [&] { ++told; });
    thread.add([&] {
      ++worked;
      throw std::runtime_error("nobody hears");
    });
    go.set_value();
  }
  EXPECT_EQ(worked, 8);
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace forgedit
