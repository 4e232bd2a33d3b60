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
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    frames_.push_back(frame(++last_, kind, data));
    bytes_ += frames_.back().size();
    while (frames_.size() > size_ || (bytes_ > kMostBytes && frames_.size() > 1)) {
      bytes_ -= frames_.front().size();
      frames_.pop_front();
    }
    wake = wake_;
  }
  if (wake) wake();
}

void EventRing::on_publish(std::function<void()> wake) {
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

EventRing::Place EventRing::next(std::uint64_t after, std::size_t most_bytes) const {
  const std::lock_guard lock(mutex_);
  if (after >= last_) return {last_, {}};
  const auto missing = last_ - after;
  if (missing > frames_.size()) return {last_, resync()};
  Place place{after, {}};
  for (auto i = frames_.size() - static_cast<std::size_t>(missing); i < frames_.size(); ++i) {
    if (!place.text.empty() && place.text.size() + frames_[i].size() > most_bytes) break;
    place.text += frames_[i];
    ++place.after;
  }
  return place;
}

}  // namespace forgedit
