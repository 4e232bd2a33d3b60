#pragma once

#include <string>

namespace forgedit {

/// Joins the words and punctuation marks of BERT's tokenizer, which are separated by spaces, into normal
/// spelling: "a man ' s t - shirt : red , 3 . 5 m" becomes "a man's t-shirt: red, 3.5 m". The tokenizer loses
/// information, so the result is a guess: for example, a dash between spaces becomes a hyphen. Words do not
/// change.
std::string detokenise(const std::string& words);

}  // namespace forgedit
