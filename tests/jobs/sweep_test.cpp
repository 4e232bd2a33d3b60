#include "forgedit/jobs/sweep.h"

#include <cmath>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::field_of;
using Preset = SweepRequest::Preset;

TEST(Sweep, OnlyWhatIsGivenChanges) {
  EditRequest base;
  base.strategies = {"encoderkv"};
  base.seeds = {7};
  base.repeat = 3;
  const auto same = with_settings(base, {});
  EXPECT_EQ(same.strategies, base.strategies);
  EXPECT_EQ(same.gammas, base.gammas);
  EXPECT_EQ(same.seeds, base.seeds);
  EXPECT_EQ(same.repeat, base.repeat);
  EXPECT_EQ(same.sample, base.sample);

  SweepRequest given;
  given.forget = {"noencoder"};
  given.interpolation = Interpolation::vector_projection;
  given.gamma = {0.1};
  given.alpha = {0.2};
  given.beta = {0.3};
  given.seeds = {4, 5};
  given.repeat = 2;
  given.unlearned = true;
  given.sampler = SamplerKind::ddim;
  given.steps = 8;
  given.guidance_scale = 3;
  given.negative = "blurry";
  const auto all = with_settings(base, given);
  EXPECT_EQ(all.strategies, std::vector<std::string>{"noencoder"});
  EXPECT_EQ(all.interpolation, Interpolation::vector_projection);
  EXPECT_EQ(all.gammas, std::vector<double>{0.1});
  EXPECT_EQ(all.alphas, std::vector<double>{0.2});
  EXPECT_EQ(all.betas, std::vector<double>{0.3});
  EXPECT_EQ(all.seeds, (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(all.repeat, 2U);
  EXPECT_TRUE(all.unlearned);
  EXPECT_EQ(all.sample.steps, 8);
  EXPECT_EQ(all.sample.guidance_scale, 3);
  EXPECT_EQ(all.sample.negative, "blurry");
  EXPECT_EQ(given.first_seed(), 4U);
  EXPECT_EQ(SweepRequest().first_seed(), 0U);
}

TEST(FollowModel, TakesWhatNobodyChose) {
  const ModelDefaults model{{{"samples", 900}, {"unet_lr", 2e-4}, {"stop_known", 0.9}}, true, 25, 3.0};
  LearnRequest learn;
  learn.options.unet_lr = 1e-5;
  learn.chosen = {"unet_lr"};
  EXPECT_EQ(defaults_text(follow_model(learn, model)),
            std::vector<std::string>{"learning: samples 900, stop_known 0.9, stratified_timesteps true"});
  EXPECT_EQ(learn.options.samples, 900);
  EXPECT_EQ(learn.options.unet_lr, 1e-5);
  EXPECT_EQ(learn.options.stop_known, 0.9);
  EXPECT_TRUE(learn.options.stratified_timesteps);

  SweepRequest sweep;
  sweep.guidance_scale = 7;
  EXPECT_EQ(defaults_text(follow_model(sweep, model)), std::vector<std::string>{"sampling: steps 25"});
  EXPECT_EQ(sweep.steps, 25);
  EXPECT_EQ(sweep.guidance_scale, 7);
}

TEST(FollowModel, LeavesOtherSchedulesAlone) {
  const ModelDefaults model{{{"samples", 900}, {"stop_known", 0.9}}, true, 25, 3.0};
  const auto samples_of = [&](auto change) {
    LearnRequest learn;
    change(learn);
    EXPECT_TRUE(follow_model(learn, model).empty());
    return learn.options.samples;
  };
  EXPECT_EQ(samples_of([](LearnRequest& r) { r.published = true; }), 400);
  EXPECT_EQ(samples_of([](LearnRequest& r) { r.options = published_options(LearnMethod::imagic); }), 1000);
  EXPECT_EQ(samples_of([](LearnRequest& r) { set_tuning(r.options, Tuning::lora); }), 400);

  LearnRequest by_loss;
  by_loss.chosen = {"stop_loss"};
  follow_model(by_loss, model);
  EXPECT_EQ(by_loss.options.stop_known, 0) << "the loss says when learning ends";

  SweepRequest published, other_sampler;
  published.preset = Preset::published;
  follow_model(published, model);
  EXPECT_FALSE(published.steps || published.guidance_scale);
  other_sampler.sampler = SamplerKind::dpm_solver;
  follow_model(other_sampler, model);
  EXPECT_FALSE(other_sampler.steps) << "they are the other sampler's own";
}

TEST(Sweep, ASamplerBringsItsSteps) {
  SweepRequest given;
  given.sampler = SamplerKind::dpm_solver;
  EXPECT_EQ(with_settings({}, given).sample.steps, sampler_of(SamplerKind::dpm_solver).default_steps);
  given.steps = 7;
  EXPECT_EQ(with_settings({}, given).sample.steps, 7);
  EditRequest base;
  base.sample.steps = 33;
  EXPECT_EQ(with_settings(base, {}).sample.steps, 33);
}

TEST(Sweep, PresetsAreWhatSettingsReplace) {
  SweepRequest sweep;
  sweep.preset = Preset::story;
  auto request = make_request(sweep, LearnMethod::vanilla, {"a cat", "a cow"});
  EXPECT_EQ(request.targets, (std::vector<std::string>{"a cat", "a cow"}));
  EXPECT_EQ(request.strategies, std::vector<std::string>{"encoderkv"});
  EXPECT_EQ(request.gammas, (std::vector<double>{0.5, 0.6, 0.7}));
  EXPECT_EQ(request.repeat, 4U);
  sweep.repeat = 1;
  sweep.gamma = {1};
  request = make_request(sweep, LearnMethod::vanilla, {"a cat"});
  EXPECT_EQ(request.repeat, 1U);
  EXPECT_EQ(request.gammas, std::vector<double>{1});
  EXPECT_EQ(request.strategies, std::vector<std::string>{"encoderkv"});

  EXPECT_EQ(parse_preset("published"), Preset::published);
  EXPECT_EQ(parse_preset("story"), Preset::story);
  EXPECT_EQ(field_of([] { parse_preset("publshed"); }), "preset");
  sweep = {};
  sweep.preset = Preset::published;
  EXPECT_EQ(make_request(sweep, LearnMethod::vanilla, {"a"}).gammas.size(), 17U);
  EXPECT_EQ(make_request(sweep, LearnMethod::imagic, {"a"}).gammas, std::vector<double>{1.2});
}

TEST(Sweep, TheAutomaticChoiceHasItsOwnSweepUnlessAPresetIsAsked) {
  const auto searched = auto_sweep(LearnMethod::vanilla), usual = default_sweep(LearnMethod::vanilla);
  EXPECT_EQ(make_request({}, LearnMethod::vanilla, {"a"}, true).strategies, searched.strategies);
  EXPECT_EQ(make_request({}, LearnMethod::vanilla, {"a"}, false).strategies, usual.strategies);
  SweepRequest sweep;
  sweep.preset = Preset::story;
  EXPECT_EQ(make_request(sweep, LearnMethod::vanilla, {"a"}, true).gammas,
            story_sweep(LearnMethod::vanilla).gammas);
}

TEST(Sweep, StrengthsBelongToTheirInterpolation) {
  const auto vs = Interpolation::vector_subtraction, vp = Interpolation::vector_projection;
  SweepRequest sweep;
  sweep.gamma = {1};
  EXPECT_NO_THROW(check_interpolation(sweep, vs));
  EXPECT_EQ(field_of([&] { check_interpolation(sweep, vp); }), "gamma");
  sweep = {};
  sweep.beta = {1};
  EXPECT_NO_THROW(check_interpolation(sweep, vp));
  EXPECT_EQ(field_of([&] { check_interpolation(sweep, vs); }), "beta");
  sweep.alpha = {1};
  EXPECT_EQ(field_of([&] { check_interpolation(sweep, vs); }), "alpha");
}

TEST(Sweep, WhatCannotBePlannedNamesItsKey) {
  const auto field = [](auto change) {
    EditRequest request;
    request.targets = {"a cat"};
    change(request);
    return field_of([&] { plan_edit({request}); });
  };
  EXPECT_EQ(field([](auto& r) { r.targets = {" "}; }), "target");
  EXPECT_EQ(field([](auto& r) { r.targets.clear(); }), "target");
  EXPECT_EQ(field([](auto& r) { r.strategies = {"noencodr"}; }), "forget");
  EXPECT_EQ(field([](auto& r) { r.strategies.clear(); }), "forget");
  EXPECT_EQ(field([](auto& r) { r.gammas = {NAN}; }), "gamma");
  EXPECT_EQ(field([](auto& r) { r.gammas.clear(); }), "gamma");
  EXPECT_EQ(field([](auto& r) {
              r.interpolation = Interpolation::vector_projection;
              r.betas = {INFINITY};
            }),
            "beta");
  EXPECT_EQ(field([](auto& r) { r.seeds.clear(); }), "seeds");
  EXPECT_EQ(field([](auto& r) { r.seeds = {UINT64_MAX}; }), "seeds");
  EXPECT_EQ(field([](auto& r) { r.repeat = 0; }), "repeat");
}

}  // namespace
}  // namespace forgedit
