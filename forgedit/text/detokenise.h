#pragma once

#include <string>

namespace forgedit {

/// Joins the words and signs of BERT's tokenizer, separated by blanks, as people write them: "a man ' s t -
/// shirt : red , 3 . 5 m" becomes "a man's t-shirt: red, 3.5 m". Guesses where the tokenizer lost
/// information: dashes between blanks become hyphens. Changes no word.
std::string detokenise(const std::string& words);

}  // namespace forgedit
