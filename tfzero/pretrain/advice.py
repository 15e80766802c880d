"""What to change when a pretraining fails: the second sentence of every alarm."""

AGAINST_INFINITY = (
    "All weights are lost from there on: lower the learning rate (of a GAN its argument "
    "discriminator_learning_rate, too), and check that the images are in 0..1. In Python the "
    "optimizer given to compile, a GAN's generator's, can also clip gradients (clipnorm)."
)
AGAINST_EQUAL_FEATURES = (
    "Nearly all images get the same features: lower the learning rate, train for fewer epochs, or "
    "use larger batches; check that the images differ."
)
AGAINST_IDLE_LATENTS = (
    "The decoder ignores the image: weigh the KL term less (beta), let it grow slowly "
    "(kl_warmup), allow each latent some bits for free (free_bits), or make the decoder "
    "smaller (decoder_width), all arguments of the method."
)
# Of a generator that learns from a discriminator, and of one that does not.
AGAINST_REPEATING_GENERATOR = (
    "The generator repeats itself: lower its learning rate, use larger batches, start from another "
    "seed, or raise the penalty on the discriminator's gradient (r1_weight, an argument of the "
    "method)."
)
AGAINST_REPEATING_DECODER = (
    "The decoder makes nearly the same of all latents: lower the learning rate, train longer, or "
    "have the latents say more of the image (a lower beta, an argument of the method)."
)
AGAINST_SURE_DISCRIMINATOR = (
    "The generator learns nothing from it: lower the discriminator's learning rate "
    "(discriminator_learning_rate) or raise the penalty on its gradient (r1_weight), both "
    "arguments of the method."
)
AGAINST_SATURATION = (
    "It makes shapes of black and white: train longer, lower both learning rates, or raise "
    "the penalty on the discriminator's gradient (r1_weight, an argument of the method)."
)
AGAINST_STRONG_VIEWS = (
    "Two views of an image share too little: augment less, by another kind of data (kind), "
    "less noise (noise_stddev) or smaller masks (mask_share), whichever is an argument of "
    "the method."
)
