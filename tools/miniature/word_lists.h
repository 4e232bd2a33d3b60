#pragma once

#include <map>
#include <set>
#include <string_view>

namespace forgedit {

// The hand-made part of the vocabulary. All labels are lower case and ASCII, as in captions.

/// Labels that no stranger would draw the same way, or that are signs rather than things.
const std::set<std::string_view>& left_out_labels();

/// Families of people whose pictures do not show what the label says, or look like another family's.
const std::set<std::string_view>& left_out_families();

/// Labels that name a pastime or a symbol -> what the picture shows.
const std::map<std::string_view, std::string_view>& renamed_labels();

/// People whose variants do not start with man, woman or person -> family.
const std::map<std::string_view, std::string_view>& irregular_families();

/// Plural and mass nouns (without skin tone), which take no article.
const std::set<std::string_view>& labels_without_article();

/// The only one of its kind.
const std::set<std::string_view>& labels_with_the();

}  // namespace forgedit
