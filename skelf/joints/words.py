"""The words by which layouts call the joints of a body: one table for all who look for joints.

A name is looked at without case, punctuation and what stands before a colon ("mixamorig:LeftArm").
`aliases.py` says what a whole name means, in any convention: for maps between layouts, for
normalisation and for the check. `data/joints/names.py` looks for the limb of
a joint, and the synthetic figure for its place; they take a joint by a piece of its name.
"""

from __future__ import annotations

import re

# Part -> what it is called, the first word that a layout has counts. Joints in the body's middle:
MIDDLE = {
    "hips": "spinebase hipcenter hipcentre midhip pelvis hips hip root",
    "spine": "spine ab abdomen",
    "spine1": "spine1 l3",
    "spine_mid": "spinemid midspine spinenavel spinenaval t12",
    "torso": "torso",
    "chest": "chest spinechest t8",
    "shoulder_center": "shouldercenter shouldercentre spineshoulder midshoulder thorax",
    "neck": "neck neckbase neck1",
    "lower_back": "lowerback l5",
    "upper_back": "upperback",
    "lower_neck": "lowerneck",
    "upper_neck": "upperneck",
    "head": "head face",
    "head_top": "headtop headtopend headend headnub",
}
# Joints of either side, as most layouts call them:
SIDED = {
    "clavicle": "clavicle collar thorax",
    "shoulder": "shoulder shldr sho",
    "elbow": "elbow elb",
    "forearm_end": "forearmend",
    "wrist": "wrist wri",
    "hand": "hand palm",
    "hand_tip": "handtip fingertip handend wristend",
    "hip": "hip",
    "knee": "knee kne",
    "ankle": "ankle ank",
    "foot": "foot",
    "eye": "eye eyesmplhf",
    "heel": "heel",
    "toe": "toe toes toebase",
    "big_toe": "bigtoe footindex",
}
# Bones called by where they start; "hand" and "foot" are the last ones of their limbs.
STARTS = SIDED | {
    "clavicle": "clavicle collar shoulder shoulder1",
    "shoulder": "upperarm uparm uarm arm shldr shoulder",
    "elbow": "forearm lowerarm lowarm farm elbow",
    "wrist": "wrist hand",
    "hand": "fingerbase handmiddle1",
    "hip": "upleg upperleg thigh hip",
    "knee": "lowerleg lowleg leg shin calf knee",
    "ankle": "ankle foot",
    "foot": "toebase toes toe toe0 ball",
    "toe": "toetip toeend toebaseend toesend toenub",
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
# Markers on the skin: Plug-in Gait and its kin (SHO, LASI), Motive and Qualisys (ElbowOut), and the
# anatomical ones (FLE is the lateral epicondyle of the femur). "HJC" is a computed joint centre.
MARKS = SIDED | {
    "shoulder": "sjc sho shouldertop acromion acr shoulder",
    "elbow": "ejc elb elbowout hle elbow",
    "wrist": "wjc wra wristout rsp wrist wri",
    "hand": "fin handout hand",
    "hip": "hjc gtr troc ftc hip",
    "knee": "kjc kne kneeout fle knee",
    "ankle": "ajc ank ankleout fal ankle",
    "heel": "hee heel heelback fcc",
    "toe": "toe toetip toeout mt2 fm2",
}
# Joints that are the middle of several markers, the first list of which all are there. In a joint
# of the body's middle a word of the sides stands for both of them.
MARKED = {
    "head": "fhd+bhd headfront+headtop fhd bhd headtop headfront",
    "hips": "asi+psi asi+sacr ias+ips fwt+bwt waistfront+waistback asi fwt",
    "shoulder_center": "c7+clav backtop+chest backtop+chesttop spinetop+chest "
    "c7 clav backtop spinetop",
    "spine_mid": "t10+strn t8+strn t10 t8",
}
MARKED_SIDES = {
    "elbow": "elb+elbm elb+melb elbowout+elbowin hle+hme",
    "wrist": "wra+wrb wristout+wristin rsp+usp",
    "knee": "kne+knm kne+mkne kne+knem kneeout+kneein fle+fme",
    "ankle": "ank+ankm ank+med ank+mank ankleout+anklein fal+tam",
}
# Markers near a joint's centre, on the pelvis: ten centimetres above the hip.
NEAR_HIP = ("asi+psi", "asi+sacr", "ias+ips", "fwt+bwt", "waistfront+waistback", "asi", "fwt")

# The joints that say how a body stands, the first one that a layout has. A root may be the scene's.
SPINES = ("spine_mid", "spine", "torso", "spine1", "lower_back", "chest", "shoulder_center", "neck")
HEADS = ("head", "nose", "head_top", "neck")
TOES = ("big_toe", "toe", "foot")
HEELS = ("ankle", "heel")

# Limb of a paired joint by what its name holds, the first that fits; names of bones (ASF), of rigs
# (BVH) and of the usual marker sets.
LIMBS = {
    "arm": "arm|shoulder|clavicle|collar|elbow|humerus|radius|ulna|wrist|hand|thumb|finger"
    "|sho|elb|wr[ab]$|upa|fr[am]$|fin$",
    "leg": "leg|hip|thigh|femur|knee|tibia|shin|calf|ankle|foot|toe|heel|thi$|kne|tib|ank|hee$",
    "trunk": "head|.[fb]hd$|waist|back|eye|ear|jaw|brow|[ap]si|chest|spine|breast|pelvis|butt",
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
    "jaw": "jaw",
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
