#include "forgedit/core/suggest.h"

#include <algorithm>
#include <numeric>

#include "forgedit/core/text.h"

namespace forgedit {

std::size_t edit_distance(const std::string& left, const std::string& right) {
  // Rows of the table: the distances of left's first i bytes to every beginning of right.
  std::vector<std::size_t> row(right.size() + 1), above, two_above;
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    two_above = std::move(above);
    above = row;
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (left[i - 1] != right[j - 1])});
      const bool exchanged = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (exchanged) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row.back();
}

namespace {

/// The longest known word with which `word` begins, for example "--out" for "--output".
std::string longest_beginning(const std::string& word, const std::vector<std::string>& known) {
  constexpr std::size_t kLeast = 4;
  std::string longest;
  for (const auto& one : known) {
    if (one.size() >= kLeast && one.size() > longest.size() && starts_with(word, one)) longest = one;
  }
  return longest;
}

}  // namespace

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  if (word.size() > 64) return {};
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
  if (nearest == known.end()) return {};
  auto meant = *nearest;
  if (edit_distance(word, meant) > std::max<std::size_t>(1, word.size() / 3))
    meant = longest_beginning(word, known);
  return meant.empty() ? "" : "; did you mean '" + meant + "'?";
}

}  // namespace forgedit
