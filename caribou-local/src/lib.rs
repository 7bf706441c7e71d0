//! The embedded cloud: regions, topics, stores, blobs and a Lambda Runtime API host on one machine.
