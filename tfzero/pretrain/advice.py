"""What to change when a pretraining fails: the second sentence of every alarm."""

AGAINST_INFINITY = (
    "From there on, all weights are lost. Lower the learning rate (for a GAN also its "
    "argument discriminator_learning_rate), and check that the images are in 0..1. In "
    "Python, the optimizer given to compile can also clip gradients (clipnorm); for a GAN, "
    "this is the generator's."
)
AGAINST_EQUAL_FEATURES = (
    "Nearly all images get the same features. Lower the learning rate, train for fewer "
    "epochs, or use larger batches. Also check that the images differ."
)
AGAINST_IDLE_LATENTS = (
    "The decoder ignores the image. Lower the weight of the KL term (beta), let it grow "
    "slowly (kl_warmup), or give each latent some free bits (free_bits). Or make the "
    "decoder smaller (decoder_width). All are arguments of the method."
)
# Of a generator that learns from a discriminator, and of one that does not.
AGAINST_REPEATING_GENERATOR = (
    "The generator repeats itself. Lower its learning rate, use larger batches, or start "
    "from another seed. Or raise the penalty on the discriminator's gradient (r1_weight, an "
    "argument of the method)."
)
AGAINST_REPEATING_DECODER = (
    "The decoder makes nearly the same image from all latents. Lower the learning rate, or "
    "train longer. Or let the latents keep more of the image (a lower beta, an argument of "
    "the method)."
)
AGAINST_SURE_DISCRIMINATOR = (
    "The generator learns nothing from it. Lower the discriminator's learning rate "
    "(discriminator_learning_rate) or raise the penalty on its gradient (r1_weight). Both "
    "are arguments of the method."
)
AGAINST_SATURATION = (
    "It makes only black and white shapes. Train longer, or lower both learning rates. Or "
    "raise the penalty on the discriminator's gradient (r1_weight, an argument of the "
    "method)."
)
AGAINST_STRONG_VIEWS = (
    "Two views of an image have too little in common. Reduce the augmentation with the "
    "arguments that the method has: another kind of data (kind), less noise (noise_stddev), "
    "or smaller masks (mask_share)."
)
