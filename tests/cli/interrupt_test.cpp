#include "apps/common/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace forgedit {
namespace {

/// Each case ends a process of its own, because signals stay handled as they are.
class StopSignals : public testing::Test {
 protected:
  StopSignals() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void send(int signal) {
  ::kill(::getpid(), signal);
}

bool stops_soon() {
  for (int i = 0; i < 500 && !program_stop().stopped(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return program_stop().stopped();
}

/// Exits with 0 if the request to stop has come.
void stop_beside_a_library(int signal) {
  stop_on_signals();
  ::signal(signal, [](int) { ::_exit(4); });  // as NVRTC does while it compiles
  std::thread([] { std::this_thread::sleep_for(std::chrono::seconds(30)); }).detach();
  send(signal);
  ::_exit(stops_soon() && stop_signal() == signal ? 0 : 1);
}

TEST_F(StopSignals, ReachThisProgramWhileALibraryHandlesThem) {
  EXPECT_EXIT(stop_beside_a_library(SIGINT), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(stop_beside_a_library(SIGTERM), testing::ExitedWithCode(0), "");
}

void interrupt_twice() {
  stop_on_signals();
  send(SIGINT);
  if (!stops_soon()) ::_exit(1);
  send(SIGINT);
  std::this_thread::sleep_for(std::chrono::seconds(30));
}

TEST_F(StopSignals, ASecondSigintEndsTheProgram) {
  EXPECT_EXIT(interrupt_twice(), testing::KilledBySignal(SIGINT), "");
}

void end_by_sigterm() {
  stop_on_signals();
  end_on_signals();
  send(SIGTERM);
  std::this_thread::sleep_for(std::chrono::seconds(30));
}

TEST_F(StopSignals, EndTheProgramIfTheyAreNoRequests) {
  EXPECT_EXIT(end_by_sigterm(), testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace forgedit
