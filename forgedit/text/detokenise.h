#pragma once

#include <string>

namespace forgedit {

/// Words and signs with a blank between any two, as BERT's tokenizer splits them, set as people write them:
/// "a man ' s t - shirt : red , 3 . 5 m" becomes "a man's t-shirt: red, 3.5 m". A guess where the split lost
/// what was there (dashes between blanks become hyphens). No word is changed.
std::string detokenise(const std::string& words);

}  // namespace forgedit
