#include "forgedit/serve/events.h"

#include <charconv>

#include "forgedit/core/text.h"

namespace forgedit {

EventRing::EventRing(std::string boot, std::size_t size) : boot_(std::move(boot)), size_(size) {}

std::string EventRing::frame(std::uint64_t number, std::string_view kind, std::string_view data) const {
  std::string text = "id: " + boot_ + "-" + std::to_string(number) + "\nevent: ";
  text.append(kind).append("\ndata: ").append(data).append("\n\n");
  return text;
}

std::string EventRing::resync() const {
  return frame(last_, "resync", "{}");
}

void EventRing::publish(std::string_view kind, std::string_view data) {
  add(kind, data, /*is_preview=*/false);
}

void EventRing::publish_preview(std::string_view kind, std::string_view data) {
  add(kind, data, /*is_preview=*/true);
}

/// Empties the oldest previews. Their events stay in the ring, so that ids have no gaps.
void EventRing::drop_previews() {
  while (previews_.size() > kMostPreviews) {
    const auto back = static_cast<std::size_t>(last_ - previews_.front());
    previews_.pop_front();
    if (back >= frames_.size()) continue;
    auto& text = frames_[frames_.size() - 1 - back].text;
    bytes_ -= text.size();
    text.clear();
  }
}

void EventRing::add(std::string_view kind, std::string_view data, bool is_preview) {
  std::function<void(bool)> wake;
  {
    const std::lock_guard lock(mutex_);
    ++last_;
    frames_.push_back({frame(last_, kind, data), is_preview});
    bytes_ += frames_.back().text.size();
    if (is_preview) previews_.push_back(last_);
    drop_previews();
    while (frames_.size() > size_ || (bytes_ > kMostBytes && frames_.size() > 1)) {
      bytes_ -= frames_.front().text.size();
      frames_.pop_front();
    }
    wake = wake_;
  }
  if (wake) wake(is_preview);
}

void EventRing::on_publish(std::function<void(bool)> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

EventRing::Place EventRing::begin(std::string_view last_id) const {
  const std::lock_guard lock(mutex_);
  Place place{last_, "retry: 1000\n" + frame(last_, "hello", "{\"boot\":\"" + boot_ + "\"}")};
  if (last_id.empty()) return place;
  if (starts_with(last_id, boot_ + "-")) {
    const auto digits = last_id.substr(boot_.size() + 1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool is_number = error == std::errc() && end == digits.data() + digits.size();
    if (is_number && number <= last_ && number + frames_.size() >= last_) {
      // The id of the greeting must not run ahead of the events that follow.
      return {number, "retry: 1000\n" + frame(number, "hello", "{\"boot\":\"" + boot_ + "\"}")};
    }
  }
  place.text += resync();
  return place;
}

EventRing::Place EventRing::next(std::uint64_t after, std::size_t most_bytes, bool with_previews) const {
  const std::lock_guard lock(mutex_);
  if (after >= last_) return {last_, {}};
  const auto missing = last_ - after;
  if (missing > frames_.size()) return {last_, resync()};
  Place place{after, {}};
  for (auto i = frames_.size() - static_cast<std::size_t>(missing); i < frames_.size(); ++i) {
    const auto& [text, is_preview] = frames_[i];
    const bool is_wanted = with_previews || !is_preview;
    if (is_wanted && !place.text.empty() && place.text.size() + text.size() > most_bytes) break;
    if (is_wanted) place.text += text;
    ++place.after;
  }
  return place;
}

}  // namespace forgedit
