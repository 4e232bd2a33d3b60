#include "forgedit/core/suggest.h"

#include <algorithm>
#include <numeric>

namespace forgedit {

std::size_t edit_distance(const std::string& left, const std::string& right) {
  // One row of the table: the distances of left's first i bytes to every beginning of right.
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const auto replaced = diagonal + (left[i - 1] != right[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  if (word.size() > 64) return {};
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
  if (nearest == known.end() || edit_distance(word, *nearest) > std::max<std::size_t>(1, word.size() / 3))
    return {};
  return "; did you mean '" + *nearest + "'?";
}

}  // namespace forgedit
