"""The classic net, as the Keras peers of the benches build it."""

from keras import Sequential, layers


def classic_net(side, units, activation):
    """Pictures [n, side, side, 3] to [n, units]."""
    model = Sequential([layers.Input((side, side, 3))])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(units, activation=activation))
    return model
