#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace forgedit {

/// The last events, for any number of readers (server-sent events). Each reader keeps its own place and asks
/// for what came after it, so a slow one costs nothing; one that has fallen behind the ring is told to read
/// the state again ("resync"). Any thread may call it.
class EventRing {
 public:
  static constexpr std::size_t kSize = 4096;
  /// The bytes that are kept at most, whatever the number of events.
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;
  /// Previews that are kept; they are of no use once there are newer ones.
  static constexpr std::size_t kMostPreviews = 64;

  /// `boot` tells this start of the server from others: ids are BOOT-N.
  explicit EventRing(std::string boot, std::size_t size = kSize);

  /// Adds an event. `data` is JSON without line breaks.
  void publish(std::string_view kind, std::string_view data);
  /// The same for a preview: only readers that want those get it, and it does not stay for long.
  void publish_preview(std::string_view kind, std::string_view data);
  /// Called after each `publish`, from its thread.
  void on_publish(std::function<void(bool is_preview)> wake);

  /// Where a reader begins: after `last_id` (the header Last-Event-ID) where that is still known, else at the
  /// newest event. `text` is what it is to be sent first.
  struct Place {
    std::uint64_t after = 0;
    std::string text;
  };
  Place begin(std::string_view last_id) const;
  /// What came after `after`, of at least one event and about `most_bytes`; `place.after` moves on. Empty
  /// where nothing did.
  Place next(std::uint64_t after, std::size_t most_bytes, bool with_previews = false) const;

 private:
  struct Frame {
    std::string text;  // empty: of a preview that is no longer kept
    bool is_preview = false;
  };
  void add(std::string_view kind, std::string_view data, bool is_preview);
  void drop_previews();
  std::string resync() const;
  std::string frame(std::uint64_t number, std::string_view kind, std::string_view data) const;

  const std::string boot_;
  const std::size_t size_;
  mutable std::mutex mutex_;
  std::deque<Frame> frames_;            // the last one is event number last_
  std::deque<std::uint64_t> previews_;  // the numbers of those that are kept
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  std::function<void(bool)> wake_;
};

}  // namespace forgedit
