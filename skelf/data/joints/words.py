"""The words by which layouts call the joints of a body: one table for all who look for joints.

A name is looked at without case, punctuation and what stands before a colon ("mixamorig:LeftArm").
`aliases.py` says what a whole name means, in any convention. `body_axes.py` and `landmarks.py` look
for the few joints that say how a body stands, `names.py` for the limb of a joint, and the synthetic
figure for its place; they take a joint by a piece of its name.
"""

from __future__ import annotations

import re

# Part -> what it is called, the first word that a layout has counts. Joints in the body's middle:
MIDDLE = {
    "hips": "spinebase hipcenter hipcentre midhip pelvis hips hip root",
    "spine": "spine",
    "spine_mid": "spinemid midspine",
    "torso": "torso",
    "shoulder_center": "shouldercenter shouldercentre spineshoulder midshoulder thorax",
    "neck": "neck neck1",
    "lower_back": "lowerback",
    "upper_back": "upperback",
    "lower_neck": "lowerneck",
    "upper_neck": "upperneck",
}
# Joints of either side, as most layouts call them:
SIDED = {
    "clavicle": "clavicle collar",
    "shoulder": "shoulder shldr sho",
    "elbow": "elbow elb",
    "wrist": "wrist wri",
    "hand": "hand palm",
    "hand_tip": "handtip fingertip",
    "hip": "hip",
    "knee": "knee kne",
    "ankle": "ankle ank",
    "foot": "foot",
    "toe": "toe toes toebase",
    "big_toe": "bigtoe footindex",
}
# Bones called by where they start; "hand" and "foot" are the last ones of their limbs.
STARTS = SIDED | {
    "clavicle": "clavicle collar shoulder",
    "shoulder": "upperarm uparm arm shldr shoulder",
    "elbow": "forearm lowerarm elbow",
    "wrist": "wrist hand",
    "hand": "fingerbase handmiddle1",
    "hip": "upleg upperleg thigh hip",
    "knee": "lowerleg leg shin calf knee",
    "ankle": "ankle foot",
    "foot": "toebase toes toe toe0 ball",
    "toe": "toetip",
}
# Bones called by where they end. CMU's radius ends above the wrist: elbow to wrist is radius and
# wrist together (0.18 + 0.09 m where the upper arm has 0.32 m), so "wrist" is the joint.
ENDS = SIDED | {
    "clavicle": "",
    "shoulder": "clavicle",
    "elbow": "humerus",
    "forearm_end": "radius",
    "hand_tip": "fingers",
    "hip": "hipjoint",
    "knee": "femur",
    "ankle": "tibia",
}

# The joints that say how a body stands, the first one that a layout has. A root may be the scene's.
HIPS = tuple(word for word in MIDDLE["hips"].split() if word != "root")
SPINES = ("spinemid", "spine", "torso", "spine1", "lowerback", "thorax", "chest", "neck")
HEADS = ("head", "nose")
# The same of pairs, as pieces of names; motion capture calls the ankle "foot".
UPPER_ARMS = ("shoulder", "humerus", "upperarm", "uparm")
SHOULDERS = (*UPPER_ARMS, "clavicle", "collar")
THIGHS = ("hip", "upleg", "femur", "thigh")
TOES = ("bigtoe", "footindex", "toebase", "toe", "foot")
HEELS = ("ankle", "heel", "foot")

# Limb of a paired joint by what its name holds, the first that fits; names of bones (ASF), of rigs
# (BVH) and of the usual marker sets.
LIMBS = {
    "arm": "arm|shoulder|clavicle|collar|elbow|humerus|radius|ulna|wrist|hand|thumb|finger"
    "|sho|elb|wr[ab]$|upa|fr[am]$|fin$",
    "leg": "leg|hip|thigh|femur|knee|tibia|shin|calf|ankle|foot|toe|heel|thi$|kne|tib|ank|hee$",
    "trunk": "head|.[fb]hd$|eye|ear|jaw|brow|[ap]si|chest|spine|breast|pelvis|butt",
}

# Place of a joint by what its name holds, the first that fits. ASF calls a joint after the bone
# above it, BVH after the bone below.
SIDED_PLACES = {
    "eye": "eye",
    "ear": "ear(?!m)",
    "mouth": "mouth",
    "small_finger": "pinky|small_?finger",
    "finger": "tip|finger|(?<!foot_)index",
    "thumb": "thumb",
    "small_toe": "small_?toe",
    "toe": "toe|foot_index",
    "wrist": "wrist|radius",
    "elbow": "elbow|forearm|lowerarm|humerus",
    "collar": "collar",
    "shoulder": "shoulder|clavicle|arm",
    "hand": "hand",
    "hip": "upleg|upperleg|thigh|hip",
    "ankle": "ankle|tibia",
    "heel": "heel",
    "knee": "knee|femur|shin|calf|leg",
    "foot": "foot",
}
MIDDLE_PLACES = {
    "nose": "nose",
    "head": "head",
    "chest": "spineshoulder|shouldercenter|thorax|chest|upperback",
    "neck": "neck",
    "hips": "spinebase|hip|pelvis|root",
    "torso": "torso|spine|back|abdomen",
}


def plain(name: str) -> str:
    """A name without case, punctuation and what stands before a colon.

    >>> plain("rig:Spine_01")
    'spine01'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition(":")[2])
