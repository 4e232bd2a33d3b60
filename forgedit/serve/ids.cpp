#include "forgedit/serve/ids.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

// In ASCII order, so that ids sort like the numbers that they encode.
constexpr std::string_view kIdDigits = "234567abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kTimeBytes = 6, kChanceBytes = 10;

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t done = 0; done < count;) {
    const auto got = ::getrandom(bytes.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failure(std::string("no random numbers: ") + std::strerror(errno));
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

long long now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string new_id() {
  std::vector<std::uint8_t> bytes(kTimeBytes);
  const auto time = static_cast<std::uint64_t>(now_ms());
  for (std::size_t i = 0; i < kTimeBytes; ++i) {
    bytes[i] = static_cast<std::uint8_t>(time >> (8 * (kTimeBytes - 1 - i)));
  }
  const auto chance = random_bytes(kChanceBytes);
  bytes.insert(bytes.end(), chance.begin(), chance.end());
  std::string id;
  std::uint32_t bits = 0;
  int held = 0;
  for (const auto byte : bytes) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 5; held -= 5) id += kIdDigits[bits >> (held - 5) & 31];
  }
  id += kIdDigits[bits << (5 - held) & 31];
  return id;
}

bool is_id(std::string_view text) {
  return text.size() == kIdLength && text.find_first_not_of(kIdDigits) == std::string_view::npos;
}

std::string random_hex(std::size_t bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const auto byte : random_bytes(bytes)) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace forgedit
