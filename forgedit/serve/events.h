#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace forgedit {

/// Keeps the last events for any number of readers (server-sent events). Each reader keeps its own place and
/// asks for later events, so a slow reader costs nothing. A reader that has fallen behind the ring gets the
/// event "resync" and must read the state again. Any thread may call it.
class EventRing {
 public:
  static constexpr std::size_t kSize = 4096;
  /// The maximum size of all kept events in bytes.
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;
  /// The maximum number of kept previews. Older ones are of no use.
  static constexpr std::size_t kMostPreviews = 64;

  /// `boot` identifies this start of the server. Event ids are BOOT-N.
  explicit EventRing(std::string boot, std::size_t size = kSize);

  /// Adds an event. `data` is JSON without line breaks.
  void publish(std::string_view kind, std::string_view data);
  /// Adds a preview. Only readers that want previews get it, and it is kept for a short time.
  void publish_preview(std::string_view kind, std::string_view data);
  /// Sets a function that is called after each new event, in the thread that publishes it.
  void on_publish(std::function<void(bool is_preview)> wake);

  /// The place at which a reader begins: after `last_id` (the header Last-Event-ID) if that event is still
  /// kept, else after the newest event. `text` is what the reader gets first.
  struct Place {
    std::uint64_t after = 0;
    std::string text;
  };
  Place begin(std::string_view last_id) const;
  /// The events after `after`: at least one, and about `most_bytes` in all. The next call takes the returned
  /// `after`. The text is empty if there are none.
  Place next(std::uint64_t after, std::size_t most_bytes, bool with_previews = false) const;

 private:
  struct Frame {
    std::string text;  // empty: a preview that is no longer kept
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
  std::deque<std::uint64_t> previews_;  // event numbers of the kept previews
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  std::function<void(bool)> wake_;
};

}  // namespace forgedit
