#include "forgedit/jobs/request_json.h"

#include <nlohmann/json.hpp>

#include "forgedit/jobs/sweep.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;
using testing::field_of;
using testing::message_of;

/// Rules of a front end: references are ids.
RequestRules rules() {
  RequestRules rules;
  rules.picture = [](const std::string& id) {
    if (id == "gone") throw usage_error("there is no picture of this id");
    return std::filesystem::path("/pictures") / id;
  };
  rules.learned = [](const std::string& id) { return std::filesystem::path("/edits") / id; };
  return rules;
}

template <typename Request>
Request read(const json& request) {
  return std::get<Request>(request_from_json(request, rules()));
}

/// The least that each kind needs.
json least(const std::string& kind) {
  if (kind == "edit") return {{"picture", "p"}, {"target", "a cat"}};
  if (kind == "learn" || kind == "caption") return {{"kind", kind}, {"picture", "p"}};
  if (kind == "draw") return {{"kind", kind}, {"learned", "e"}, {"target", "a cat"}};
  if (kind == "export") return {{"kind", kind}, {"learned", "e"}, {"to", "lora"}};
  return {{"kind", kind}, {"picture", "p"}, {"edited", {"q"}}, {"target", "a cat"}};
}

json with(const std::string& kind, const std::string& key, const json& value) {
  auto request = least(kind);
  request[key] = value;
  return request;
}

std::string field_with(const std::string& kind, const std::string& key, const json& value) {
  const auto request = with(kind, key, value);
  SCOPED_TRACE(request.dump());
  return field_of([&] { request_from_json(request, rules()); });
}

std::string message_with(const std::string& kind, const std::string& key, const json& value) {
  return message_of([&] { request_from_json(with(kind, key, value), rules()); });
}

TEST(RequestJson, AnEditHasEveryKey) {
  const auto job = read<EditJob>(json::parse(R"({
    "version": 1, "kind": "edit", "picture": "dog", "targets": ["a cat", "a cow"],
    "method": "dreambooth", "source": "a dog", "background": "#010203", "size": "128x64",
    "samples": 20, "batch": 2, "embedding_samples": 3, "unet_lr": 0.5, "text_lr": 0.25, "beta1": 0.8, "beta2": 0.7,
    "adam_eps": 0.001, "stop_loss": 0.02, "stop_after": 7, "stop_known": 0.9, "lr_decay": 0.25, "snr_gamma": 5, "stratified_timesteps": true, "layers": "paper", "fast": true,
    "preset": "published", "forget": ["noencoder", "encoderkv"], "interpolation": "vp", "gamma": [0.5, 1],
    "alpha": 0.9, "beta": "0.8:1.2:0.2", "seeds": [3, 4], "repeat": 2, "unlearned": true, "sampler": "dpm++",
    "steps": 11, "guidance_scale": 5, "negative": "blurry", "start": 0.75, "protect": true,
    "auto": {"pictures": 12, "seconds": 30, "clip": "c", "lpips": ["l"]},
    "blend": 0.5, "draw_batch": 3, "output_size": "source", "metadata": false,
    "region": [1, 2, 30, 40], "safety": "withhold"})"));
  EXPECT_EQ(job.learn.picture, "/pictures/dog");
  EXPECT_TRUE(job.from.empty());
  EXPECT_EQ(job.targets, (std::vector<std::string>{"a cat", "a cow"}));
  EXPECT_EQ(job.learn.source, "a dog");
  EXPECT_EQ(job.learn.background, (std::array<std::uint8_t, 3>{1, 2, 3}));
  EXPECT_EQ(job.learn.size, std::pair(128, 64));
  const auto& o = job.learn.options;
  EXPECT_EQ(o.method, LearnMethod::dreambooth);
  EXPECT_EQ(o.samples, 20);
  EXPECT_EQ(o.batch, 2);
  EXPECT_EQ(o.embedding_samples, 3);
  EXPECT_EQ(o.unet_lr, 0.5);
  EXPECT_EQ(o.text_lr, 0.25);
  EXPECT_EQ(o.adam.beta1, 0.8);
  EXPECT_EQ(o.adam.beta2, 0.7);
  EXPECT_EQ(o.adam.eps, 0.001);
  EXPECT_EQ(o.stop_loss, 0.02);
  EXPECT_EQ(o.stop_after, 7);
  EXPECT_EQ(o.stop_known, 0.9);
  EXPECT_EQ(o.lr_decay, 0.25);
  EXPECT_EQ(o.snr_gamma, 5);
  EXPECT_TRUE(o.stratified_timesteps);
  EXPECT_EQ(o.layers, LayerScope::paper);
  EXPECT_TRUE(o.fast);
  const auto& sweep = job.sweep;
  EXPECT_EQ(sweep.preset, SweepRequest::Preset::published);
  EXPECT_EQ(sweep.forget, (std::vector<std::string>{"noencoder", "encoderkv"}));
  EXPECT_EQ(sweep.interpolation, Interpolation::vector_projection);
  EXPECT_EQ(sweep.gamma, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(sweep.alpha, std::vector<double>{0.9});
  EXPECT_EQ(sweep.beta, (std::vector<double>{0.8, 1.0, 1.2}));
  EXPECT_EQ(sweep.seeds, (std::vector<std::uint64_t>{3, 4}));
  EXPECT_EQ(sweep.repeat, 2U);
  EXPECT_EQ(sweep.unlearned, true);
  EXPECT_EQ(sweep.sampler, SamplerKind::dpm_solver);
  EXPECT_EQ(sweep.steps, 11);
  EXPECT_EQ(sweep.guidance_scale, 5);
  EXPECT_EQ(sweep.negative, "blurry");
  EXPECT_EQ(sweep.start, 0.75);
  EXPECT_EQ(sweep.protect, true);
  ASSERT_TRUE(job.automatic);
  EXPECT_EQ(job.automatic->pictures, 12U);
  EXPECT_EQ(job.automatic->seconds, 30);
  EXPECT_EQ(job.automatic->judge.clip, "c");
  EXPECT_EQ(job.automatic->judge.lpips, std::vector<std::string>{"l"});
  EXPECT_EQ(job.drawing.blend, 0.5);
  EXPECT_EQ(job.drawing.batch, 3);
  EXPECT_EQ(job.at_source_size, true);
  EXPECT_EQ(job.region, (Region{1, 2, 30, 40}));
  EXPECT_FALSE(job.metadata);
  EXPECT_EQ(job.safety, SafetyMode::withhold);
}

TEST(RequestJson, WhatIsNotThereHasItsDefault) {
  const auto job = read<EditJob>(least("edit"));
  const auto plain = EditJob();
  EXPECT_EQ(job.targets, std::vector<std::string>{"a cat"});
  EXPECT_TRUE(job.story.empty() && !job.automatic && job.metadata && !job.results_at_source_size());
  EXPECT_FALSE(job.region);
  EXPECT_EQ(job.safety, SafetyMode::off);
  EXPECT_EQ(job.learn.options.samples, plain.learn.options.samples);
  EXPECT_EQ(job.learn.background, plain.learn.background);
  EXPECT_FALSE(job.sweep.forget || job.sweep.gamma || job.sweep.seeds || job.sweep.steps || job.learn.size);
  // null is as good as a key that is not there.
  EXPECT_FALSE(read<EditJob>(with("edit", "steps", nullptr)).sweep.steps);
  EXPECT_FALSE(read<EditJob>(with("edit", "auto", false)).automatic);
  EXPECT_FALSE(read<EditJob>(with("edit", "auto", true)).automatic->pictures);
}

TEST(RequestJson, TheMethodComesBeforeItsNumbers) {
  const auto job =
      read<EditJob>(json::parse(R"({"samples": 8, "method": "imagic", "picture": "p", "target": "t"})"));
  EXPECT_EQ(job.learn.options.samples, 8);
  EXPECT_EQ(job.learn.options.unet_lr, published_options(LearnMethod::imagic).unet_lr);
}

TEST(RequestJson, ALoraComesBeforeItsNumbers) {
  const auto o =
      read<LearnRequest>(
          json::parse(
              R"({"kind": "learn", "picture": "p", "unet_lr": 0.25, "lora_rank": 4, "lora_alpha": 2, "learn": "lora"})"))
          .options;
  EXPECT_EQ(o.tuning, Tuning::lora);
  EXPECT_EQ(o.lora_rank, 4);
  EXPECT_EQ(o.lora_scale(), 0.5);
  EXPECT_EQ(o.unet_lr, 0.25);
  const auto usual = read<LearnRequest>(with("learn", "learn", "lora")).options;
  EXPECT_EQ(usual.lora_rank, 16);
  EXPECT_GT(usual.unet_lr, published_options(LearnMethod::vanilla).unet_lr);
  EXPECT_EQ(field_with("edit", "learn", "locon"), "learn");
}

TEST(RequestJson, AStoryKeepsItsObjectsForLater) {
  const auto job = read<EditJob>(
      json::parse(R"({"learned": "e", "story": ["{a cat", {"target": "a cow", "gamma": 0.5}]})"));
  EXPECT_EQ(job.from, "/edits/e");
  ASSERT_EQ(job.story.size(), 2U);
  EXPECT_EQ(json::parse(job.story[0].text), json({{"target", "{a cat"}}));
  EXPECT_EQ(json::parse(job.story[1].text), json({{"target", "a cow"}, {"gamma", 0.5}}));
  EXPECT_EQ(job.story[1].origin, "story[1]");
}

TEST(RequestJson, EveryOtherKindHasItsKeys) {
  const auto learn = read<LearnRequest>({{"kind", "learn"}, {"picture", "p"}, {"seed", 5}, {"samples", 3}});
  EXPECT_EQ(learn.picture, "/pictures/p");
  EXPECT_EQ(learn.options.seed, 5U);
  EXPECT_EQ(learn.options.samples, 3);
  const auto draw = read<DrawRequest>(
      {{"kind", "draw"}, {"learned", "e"}, {"target", "t"}, {"gamma", 0.7}, {"seed", 2}, {"blend", 0.25}});
  EXPECT_EQ(draw.learned, "/edits/e");
  EXPECT_EQ(draw.target, "t");
  EXPECT_EQ(draw.sweep.gamma, std::vector<double>{0.7});
  EXPECT_EQ(draw.sweep.first_seed(), 2U);
  EXPECT_EQ(draw.blend, 0.25);
  const auto caption =
      read<CaptionRequest>({{"kind", "caption"}, {"picture", "p"}, {"captioner", "c"}, {"beams", 3}});
  EXPECT_EQ(caption.pictures, std::vector<std::filesystem::path>{"/pictures/p"});
  EXPECT_EQ(caption.captioner, "c");
  EXPECT_EQ(caption.beams, 3);
  const auto lora = read<ExportRequest>({{"kind", "export"},
                                         {"learned", "e"},
                                         {"to", "lora"},
                                         {"forget", "noencoder"},
                                         {"blend", 1},
                                         {"dtype", "fp16"},
                                         {"rank", 4},
                                         {"energy", 0.5}});
  EXPECT_EQ(lora.learned, "/edits/e");
  EXPECT_EQ(lora.to + lora.forget + lora.dtype, "loranoencoderfp16");
  EXPECT_EQ(lora.blend, 1);
  EXPECT_EQ(lora.rank, 4);
  EXPECT_EQ(lora.energy, 0.5);
  const auto score = read<ScoreRequest>({{"kind", "score"},
                                         {"picture", "p"},
                                         {"edited", {"q", "r"}},
                                         {"target", "t"},
                                         {"source", "s"},
                                         {"background", "black"},
                                         {"clip", "c"},
                                         {"lpips", "l"}});
  EXPECT_EQ(score.original, "/pictures/p");
  EXPECT_EQ(score.edited, (std::vector<std::filesystem::path>{"/pictures/q", "/pictures/r"}));
  EXPECT_EQ(score.target + score.source + score.judge.clip, "tsc");
  EXPECT_EQ(score.background, (std::array<std::uint8_t, 3>{0, 0, 0}));
  EXPECT_EQ(score.judge.lpips, std::vector<std::string>{"l"});
}

TEST(RequestJson, WrongTypesNameTheirKey) {
  const json number = 1, text = "wordless", list = json::array(), object = json::object();
  for (const char* key : {"source", "captioner", "method", "background", "layers", "preset", "interpolation",
                          "sampler", "output_size", "picture", "safety"}) {
    EXPECT_EQ(field_with("edit", key, number), key);
    EXPECT_EQ(field_with("edit", key, list), key);
  }
  for (const char* key :
       {"samples", "batch", "embedding_samples", "unet_lr", "text_lr", "beta1", "beta2", "adam_eps",
        "stop_loss", "stop_after", "repeat", "steps", "guidance_scale", "blend", "draw_batch", "start"}) {
    EXPECT_EQ(field_with("edit", key, text), key);
    EXPECT_EQ(field_with("edit", key, true), key);
    EXPECT_EQ(field_with("edit", key, -1), key);
  }
  for (const char* key : {"samples", "batch", "stop_after", "repeat", "steps", "draw_batch"}) {
    EXPECT_EQ(field_with("edit", key, 1.5), key);
  }
  for (const double start : {0.0, 1.01}) EXPECT_EQ(field_with("edit", "start", start), "start");
  for (const char* key : {"fast", "unlearned", "metadata", "protect"})
    EXPECT_EQ(field_with("edit", key, number), key);
  for (const char* key : {"gamma", "alpha", "beta", "seeds"}) {
    EXPECT_EQ(field_with("edit", key, text), key);
    EXPECT_EQ(field_with("edit", key, list), key);
    EXPECT_EQ(field_with("edit", key, json{1, "2"}), key);
    EXPECT_EQ(field_with("edit", key, object), key);
  }
  EXPECT_EQ(field_with("edit", "seeds", 1.5), "seeds");
  EXPECT_EQ(field_with("edit", "seeds", UINT64_MAX), "seeds");
  for (const json& size : {json(7), json("64x"), json(true), json{64, 64}}) {
    EXPECT_EQ(field_with("edit", "size", size), "size");
  }
  for (const json& region :
       {json(7), json("1,2,30"), json(true), json{1, 2, 30}, json{1, 2, 30, "40"}, object})
    EXPECT_EQ(field_with("edit", "region", region), "region");
  EXPECT_EQ(field_with("edit", "forget", number), "forget");
  EXPECT_EQ(field_with("edit", "target", number), "target");
  EXPECT_EQ(field_with("edit", "auto", "yes"), "auto");
  EXPECT_EQ(field_with("caption", "beams", 0), "beams");
  EXPECT_EQ(field_with("learn", "seed", -1), "seed");
  EXPECT_EQ(field_with("draw", "target", ""), "target");
  EXPECT_EQ(field_with("export", "rank", 0), "rank");
  EXPECT_EQ(field_with("export", "energy", 2), "energy");
  EXPECT_EQ(field_with("score", "edited", list), "edited");
  EXPECT_EQ(field_with("score", "lpips", 3), "lpips");
  for (const json& request : {json::array(), json("edit"), json(3), json()}) {
    EXPECT_TRUE(contains(message_of([&] { request_from_json(request, rules()); }), "expected a JSON object"));
  }
}

TEST(RequestJson, UnknownKeysNameTheNearestOne) {
  EXPECT_EQ(field_with("edit", "gama", 1), "gama");
  EXPECT_TRUE(contains(message_with("edit", "gama", 1), "unknown key; did you mean 'gamma'?"));
  EXPECT_EQ(field_with("edit", "auto", {{"picture", 3}}), "auto.picture");
  EXPECT_TRUE(contains(message_with("edit", "auto", {{"picture", 3}}), "did you mean 'pictures'?"));
  EXPECT_EQ(field_with("edit", "auto", {{"seconds", 0}}), "auto.seconds");
  EXPECT_EQ(message_with("caption", "xyzzy", 1),
            "unknown key: expected one of version, kind, picture, captioner, beams")
      << "no near one: all of them, each once";
  for (const char* kind : {"edit", "learn", "draw", "caption", "export", "score"}) {
    EXPECT_EQ(field_with(kind, "out", "folder"), "out") << "where results go is no matter of a request";
  }
  EXPECT_EQ(field_with("caption", "target", "a cat"), "target") << "a key of another kind";
}

TEST(RequestJson, StoriesNameLineAndKey) {
  const auto story = [](const json& second) {
    return json{{"learned", "e"}, {"story", {{{"target", "a cat"}}, second}}};
  };
  const auto field = [&](const json& second) {
    return field_of([&] { request_from_json(story(second), rules()); });
  };
  const auto message = [&](const json& second) {
    return message_of([&] { request_from_json(story(second), rules()); });
  };
  EXPECT_EQ(field({{"target", "a"}, {"gama", 1}}), "story[1].gama");
  EXPECT_TRUE(contains(message({{"target", "a"}, {"gama", 1}}), "did you mean 'gamma'?"));
  EXPECT_EQ(field({{"target", "a"}, {"gamma", "big"}}), "story[1].gamma");
  EXPECT_EQ(field({{"target", "a"}, {"seed", -1}}), "story[1].seed");
  EXPECT_EQ(field({{"target", "a"}, {"guidance", 1000}}), "story[1].guidance");
  EXPECT_EQ(field({{"target", "a"}, {"samples", 3}}), "story[1].samples") << "learning is the whole story's";
  EXPECT_EQ(field({{"gamma", 1}}), "story[1].target");
  EXPECT_EQ(field(3), "story[1]");
  EXPECT_EQ(field_with("edit", "story", json::array()), "story");
  EXPECT_EQ(field_with("edit", "story", "a cat"), "story");
}

TEST(RequestJson, ResultsAreNamedOnlyWhereTheRulesSaySo) {
  auto own = rules();
  own.names_results = true;
  const auto read_own = [&](json request) { return request_from_json(request, own); };
  for (const std::string kind : {"edit", "draw", "export"}) {
    EXPECT_EQ(field_with(kind, "out", "results"), "out") << kind;
    EXPECT_EQ(field_of([&] { read_own(least(kind)); }), "out") << kind;
  }
  EXPECT_EQ(field_with("learn", "save", "kept"), "save");
  const auto edit = std::get<EditJob>(read_own(
      {{"picture", "p"}, {"target", "a"}, {"out", "results"}, {"save", "kept"}, {"overwrite", true}}));
  EXPECT_EQ(edit.out, "results");
  EXPECT_EQ(edit.learn.save, "kept");
  EXPECT_TRUE(edit.learn.overwrite);
  EXPECT_EQ(std::get<LearnRequest>(read_own(with("learn", "save", "kept"))).save, "kept");
  EXPECT_EQ(std::get<DrawRequest>(read_own(with("draw", "out", "results"))).out, "results");
  EXPECT_EQ(std::get<ExportRequest>(read_own(with("export", "out", "lora.safetensors"))).out,
            "lora.safetensors");
  EXPECT_EQ(field_of([&] {
              read_own({{"learned", "e"}, {"target", "a"}, {"out", "o"}, {"save", "k"}});
            }),
            "save");
}

TEST(RequestJson, AliasesMeanTheSameAndOnlyOneMayBeThere) {
  const auto job = read<EditJob>({{"picture", "p"}, {"target", "a"}, {"seed", 3}, {"guidance", 4}});
  EXPECT_EQ(job.targets, std::vector<std::string>{"a"});
  EXPECT_EQ(job.sweep.seeds, std::vector<std::uint64_t>{3});
  EXPECT_EQ(job.sweep.guidance_scale, 4);
  EXPECT_EQ(read<EditJob>({{"picture", "p"}, {"target", "a"}, {"negative_prompt", "blurry"}}).sweep.negative,
            "blurry");
  const json pairs[] = {{{"target", "a"}, {"targets", {"b"}}},
                        {{"seed", 1}, {"seeds", 2}},
                        {{"guidance", 1}, {"guidance_scale", 2}}};
  const std::vector<std::string> aliases{"target", "seed", "guidance"};
  for (std::size_t i = 0; i < aliases.size(); ++i) {
    auto request = least("edit");
    request.update(pairs[i]);
    EXPECT_EQ(field_of([&] { request_from_json(request, rules()); }), aliases[i]);
    EXPECT_TRUE(contains(message_of([&] { request_from_json(request, rules()); }), "is another name of"));
  }
  EXPECT_EQ(field_with("edit", "seed", -1), "seed") << "errors call a key as the request does";
  EXPECT_EQ(field_with("edit", "guidance", "big"), "guidance");
}

TEST(RequestJson, OtherVersionsAndKindsAreRefused) {
  EXPECT_EQ(field_with("edit", "version", 2), "version");
  EXPECT_TRUE(contains(message_with("edit", "version", 2), "expected 1, got 2"));
  EXPECT_EQ(field_with("edit", "version", "1"), "version");
  EXPECT_EQ(field_with("edit", "kind", "lern"), "kind");
  EXPECT_TRUE(contains(message_with("edit", "kind", "lern"), "did you mean 'learn'?"));
}

TEST(RequestJson, TheFrontEndResolvesReferences) {
  EXPECT_EQ(field_with("edit", "picture", "gone"), "picture");
  EXPECT_TRUE(contains(message_with("edit", "picture", "gone"), "there is no picture of this id"));
  EXPECT_EQ(field_with("score", "edited", json{"q", "gone"}), "edited");
  EXPECT_EQ(field_with("edit", "learned", "e"), "picture") << "one of both";
  EXPECT_EQ(field_of([&] { request_from_json({{"target", "a"}}, rules()); }), "picture");
  EXPECT_EQ(field_of([&] { request_from_json({{"kind", "learn"}}, rules()); }), "picture");
  EXPECT_EQ(field_of([&] { request_from_json({{"kind", "export"}, {"to", "lora"}}, rules()); }), "learned");

  RequestRules none;
  EXPECT_EQ(field_of([&] { request_from_json(least("edit"), none); }), "picture");
  EXPECT_TRUE(contains(message_of([&] { request_from_json(least("edit"), none); }), "is not accepted here"));
  EXPECT_EQ(field_of([&] { request_from_json(least("draw"), none); }), "learned");
}

TEST(RequestJson, TheModelIsForFrontEndsThatTakeOne) {
  EXPECT_EQ(field_with("edit", "model", "sd"), "model");
  auto taking = rules();
  std::string name;
  taking.model = [&](const std::string& model) { name = model; };
  request_from_json(with("edit", "model", "sd"), taking);
  EXPECT_EQ(name, "sd");
  taking.model = [](const std::string&) { throw usage_error("this server has another model"); };
  EXPECT_EQ(field_of([&] { request_from_json(with("edit", "model", "sd"), taking); }), "model");
}

}  // namespace
}  // namespace forgedit
