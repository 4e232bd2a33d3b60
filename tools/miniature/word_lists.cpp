#include "tools/miniature/word_lists.h"

namespace forgedit {

const std::set<std::string_view>& left_out_labels() {
  static const std::set<std::string_view> labels = {
      // people and creatures that strangers picture otherwise
      "ogre", "goblin",
      // pictures that fill a square of their own, which would hide the background
      "face in clouds", "desert", "night with stars", "cityscape", "sunrise over mountains", "sunrise",
      "cityscape at dusk", "sunset", "bridge at night", "railway track", "shooting star", "fireworks",
      "sparkler", "elevator",
      // writing, doubles of another picture, things cut off
      "white flower", "red envelope", "umbrella on ground", "sun behind large cloud", "snowman without snow",
      "globe showing europe-africa", "admission tickets", "military medal", "monorail", "trolleybus",
      "alembic", "ledger", "card file box", "nazar amulet", "carp streamer", "wind chime", "japanese dolls",
      "confetti ball", "vulcan salute", "pinching hand", "palms up together",
      // symbols of comics and chats
      "hundred points", "anger symbol", "hole", "dizzy", "sweat droplets", "dashing away",
      "eye in speech bubble", "left speech bubble", "right anger bubble", "zzz", "heart exclamation",
      "heart decoration", "beating heart", "growing heart", "dotted line face",
      // hands that differ by a hair, or better not be drawn
      "middle finger", "hand with index finger and thumb crossed", "leftwards pushing hand",
      "rightwards pushing hand", "leftwards hand", "rightwards hand", "palm down hand", "palm up hand",
      "love-you gesture", "handshake", "biting lip", "raised back of hand",
      // people whose picture does not show what the label says, or who look like another family
      "breast-feeding", "person in suit levitating",
      // food known in one region only
      "oden", "fish cake with swirl", "mate", "tamale", "pouring liquid", "sake",
      // places, traffic and weather that are scenes, signs or doubles
      "globe showing asia-australia", "globe with meridians", "map of japan", "national park", "landslide",
      "building construction", "japanese post office", "post office", "love hotel", "convenience store",
      "hotel", "bank", "department store", "foggy", "hot springs", "wind face", "fog", "cyclone",
      "mountain railway", "suspension railway", "aerial tramway", "light rail", "station", "railway car",
      "tram car", "motorway", "construction", "bus stop", "hourglass not done", "new moon",
      "first quarter moon", "last quarter moon", "waning gibbous moon", "waxing gibbous moon",
      "waning crescent moon", "waxing crescent moon", "milky way", "sun behind small cloud",
      // activities
      "tanabata tree", "pine decoration", "moon viewing ceremony", "spade suit", "heart suit", "diamond suit",
      "club suit", "joker", "mahjong red dragon", "flower playing cards", "knot",
      // objects
      "hair pick", "speaker low volume", "speaker medium volume", "muted speaker", "postal horn",
      "bell with slash", "musical score", "musical notes", "level slider", "control knobs",
      "mobile phone with arrow", "pager", "trackball", "computer disk", "dvd", "film frames",
      "page with curl", "page facing up", "bookmark tabs", "chart increasing with yen", "e-mail",
      "incoming envelope", "envelope with arrow", "outbox tray", "inbox tray", "black nib",
      "card index dividers", "card index", "linked paperclips", "locked with pen", "spiral calendar",
      "tear-off calendar", "hamsa", "identification card", "placard", "label"};
  return labels;
}

const std::set<std::string_view>& left_out_families() {
  static const std::set<std::string_view> families = {
      "deaf",           "tipping hand",   "pouting",         "technologist",    "office worker",
      "mechanic",       "with veil",      "supervillain",    "getting massage", "getting haircut",
      "in steamy room", "factory worker", "with white cane", "with a beard",    "bowing"};
  return families;
}

const std::map<std::string_view, std::string_view>& renamed_labels() {
  static const std::map<std::string_view, std::string_view> labels = {
      {"star-struck", "star-struck face"},
      {"rolling on the floor laughing", "face rolling on the floor laughing"},
      {"raising hands", "two raised hands"},
      {"selfie", "hand taking a selfie"},
      {"nail polish", "hand with nail polish"},
      {"horse racing", "jockey on a horse"},
      {"leafy green", "leafy greens"},
      {"baguette bread", "baguette"},
      {"meat on bone", "meat on a bone"},
      {"cooking", "fried egg in a pan"},
      {"salt", "salt shaker"},
      {"ice", "ice cube"},
      {"camping", "tent in a forest"},
      {"wedding", "wedding chapel"},
      {"metro", "metro train"},
      {"luggage", "suitcase"},
      {"hourglass done", "hourglass"},
      {"high voltage", "lightning bolt"},
      {"tennis", "tennis racket and ball"},
      {"bowling", "bowling ball and pins"},
      {"cricket game", "cricket bat and ball"},
      {"field hockey", "field hockey stick"},
      {"ice hockey", "ice hockey stick"},
      {"lacrosse", "lacrosse stick"},
      {"ping pong", "ping pong paddle"},
      {"badminton", "badminton racket"},
      {"flag in hole", "golf hole with a flag"},
      {"performing arts", "theatre masks"},
      {"thread", "spool of thread"},
      {"yarn", "ball of yarn"},
      {"speaker high volume", "speaker"},
      {"headphone", "headphones"},
      {"package", "cardboard box"},
      {"memo", "memo with a pencil"},
      {"chart increasing", "rising chart"},
      {"chart decreasing", "falling chart"},
      {"locked", "closed padlock"},
      {"unlocked", "open padlock"},
      {"locked with key", "padlock with a key"},
      {"pick", "pickaxe"},
      {"link", "chain link"},
      {"dna", "dna strand"},
      {"soap", "bar of soap"},
      {"ring", "diamond ring"},
      {"teacup without handle", "cup of tea"},
      {"hot beverage", "cup of coffee"},
      {"peanuts", "peanut"},
      {"globe showing americas", "globe"},
      {"steaming bowl", "bowl of noodles"},
      {"wood", "log of wood"},
      {"brick", "brick wall"},
      {"skis", "ski boot"},
      {"nesting dolls", "nesting doll"},
      {"billed cap", "baseball cap"},
      {"thong sandal", "flip-flop"},
      {"cut of meat", "steak"},
      {"poultry leg", "chicken leg"},
      {"beverage box", "juice box"},
      {"roasted sweet potato", "sweet potato"},
      {"mountain cableway", "cable car"},
      {"satellite antenna", "satellite dish"},
      {"mirror ball", "disco ball"},
      {"video game", "game controller"},
      {"woman's clothes", "blouse"},
      {"fallen leaf", "fallen leaves"},
      {"leaf fluttering in wind", "leaves fluttering in the wind"},
      {"bug", "caterpillar"},
      {"lady beetle", "ladybug"},
      {"blossom", "daisy"},
      {"cheese wedge", "wedge of cheese"},
      {"backhand index pointing left", "hand pointing left"},
      {"backhand index pointing right", "hand pointing right"},
      {"backhand index pointing up", "hand pointing up"},
      {"backhand index pointing down", "hand pointing down"},
      {"index pointing up", "index finger pointing up"},
      {"index pointing at the viewer", "finger pointing at the viewer"},
  };
  return labels;
}

const std::map<std::string_view, std::string_view>& irregular_families() {
  static const std::map<std::string_view, std::string_view> families = {
      {"man", "person"},        {"woman", "person"},     {"person", "person"},
      {"boy", "child"},         {"girl", "child"},       {"older person", "old"},
      {"prince", "crown"},      {"princess", "crown"},   {"person with crown", "crown"},
      {"santa claus", "claus"}, {"mrs. claus", "claus"}, {"mx claus", "claus"},
      {"mermaid", "merperson"}, {"merman", "merperson"},
  };
  return families;
}

const std::set<std::string_view>& labels_without_article() {
  static const std::set<std::string_view> labels = {
      // faces, hands, people
      "revolving hearts", "two hearts", "eyes", "lungs", "pinched fingers", "crossed fingers",
      "clapping hands", "two raised hands", "heart hands", "open hands", "folded hands", "santa claus",
      "mrs. claus", "mx claus",
      // nature, food
      "paw prints", "coral", "fallen leaves", "leaves fluttering in the wind", "falafel", "grapes",
      "cherries", "blueberries", "leafy greens", "broccoli", "garlic", "beans", "bread", "pancakes",
      "meat on a bone", "bacon", "french fries", "popcorn", "butter", "canned food", "cooked rice",
      "curry rice", "spaghetti", "sushi", "shaved ice", "custard", "clinking beer mugs", "clinking glasses",
      "bubble tea", "chopsticks",
      // places, activities
      "mount fuji", "houses", "fire", "sparkles", "theatre masks",
      // objects
      "glasses", "sunglasses", "goggles", "jeans", "gloves", "socks", "briefs", "shorts", "shopping bags",
      "ballet shoes", "prayer beads", "headphones", "maracas", "books", "money with wings", "scissors",
      "crossed swords", "chains", "bubbles"};
  return labels;
}

const std::set<std::string_view>& labels_with_the() {
  static const std::set<std::string_view> labels = {"tokyo tower", "statue of liberty", "kaaba"};
  return labels;
}

}  // namespace forgedit
