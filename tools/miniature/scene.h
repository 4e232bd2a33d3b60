#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "forgedit/io/pictures/image.h"
#include "tools/miniature/pack.h"

namespace forgedit {

/// Which (emoji, background) pairs may be drawn.
enum class Split {
  train,      ///< everything that is not held back
  held_back,  ///< only what is held back
};

/// One picture before it is drawn: an emoji on a plain background.
struct Scene {
  std::size_t entry = 0;                 ///< index into EmojiPack::entries
  std::size_t background = 0;            ///< index into kBackgrounds, for the caption
  std::array<std::uint8_t, 3> rgb = {};  ///< the background as drawn, jittered
  double scale = 0.9;                    ///< side of the emoji's own frame / side of the picture
  double shift_x = 0;                    ///< from the centre, in sides of the picture
  double shift_y = 0;
};

/// Draws a scene. Everything follows from the engine's bits by integer arithmetic, so that a seed means the
/// same scene on every machine; nothing is shared, so that threads with engines of their own may call it.
/// Split::train draws emoji by weight, Split::held_back evenly over the held-back emoji.
/// Throws a usage Error for Split::held_back when the pack has nothing held back.
Scene random_scene(const EmojiPack& pack, std::mt19937_64& engine, Split split);

/// The scene that a caption names: centred, scale 0.9, the exact colour. Throws a usage Error that says which
/// part is not known.
Scene scene_of_caption(const EmojiPack& pack, std::string_view caption);

/// "a man walking: dark skin tone on a blue background".
std::string caption(const EmojiPack& pack, const Scene& scene);
std::string caption(const EmojiPack& pack, std::size_t entry, std::size_t background);

/// Draws the emoji over its background, antialiased, with integer colour arithmetic.
Image render(const EmojiPack& pack, const Scene& scene, int size = kEmojiSide);

}  // namespace forgedit
