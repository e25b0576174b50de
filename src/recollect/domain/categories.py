"""Categories of facts: what to learn from conversations, and what to file it under."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One thing to learn about, and how a language model is told to.

    Attributes:
        prompt: What a language model is told about what belongs here.
        tags: What each of its tags is for; facts may bear others.
    """

    name: str
    prompt: str
    description: str | None = None
    tags: Mapping[str, str]


PROFILE = Category(
    name="profile",
    description="Who the people of the conversation are, and how they like things.",
    prompt=(
        "Keep a profile of each person who speaks or is spoken of. Note what stays true beyond "
        "this conversation and would help somebody who talks with them later: who they are, what "
        "they do, own, want, like and avoid, and whom they know. One fact is one short sentence "
        "that names the person, says one thing and can be understood alone; dates are written "
        "out. What the person said of themselves counts, not what an assistant supposed, asked or "
        "offered. When something changed, say what holds now. Leave out passing moods, greetings "
        "and whatever the conversation does not support."
    ),
    tags={
        "Identity": "Names, nicknames, pronouns, and what the person wants to be called.",
        "Age and Birthday": "Birthday, age, generation.",
        "Home": "Where the person lives, and how; earlier and planned homes.",
        "Origin": "Where the person comes from: country, town, culture.",
        "Languages": "Languages spoken or being learned, and how well.",
        "Family": "Parents, children, siblings and other relatives.",
        "Partner": "Spouse, partner, dating, and the dates that matter to them.",
        "Friends": "Friends and acquaintances, and how they met.",
        "Pets": "Animals: names, kinds, ages, habits.",
        "Work": "Employer, position, duties, workplace, colleagues.",
        "Career": "Earlier positions, plans and wishes for working life.",
        "Education": "Schools, degrees, courses, what is being studied.",
        "Hard Skills": "Tools, techniques and subjects mastered or being learned.",
        "Soft Skills": "How the person works with others, decides and leads.",
        "Projects": "What is being built, written or organised, and how far it is.",
        "Goals": "What the person wants to reach, and by when.",
        "Schedule": "Routines, appointments, working hours, time zone.",
        "Events": "What happened or will happen in the person's life, with its date.",
        "Travel": "Journeys made and planned, and ways of travelling.",
        "Hobbies": "What the person does for pleasure.",
        "Sports": "Sports done and followed, and the results that matter.",
        "Music": "Music heard and played.",
        "Books and Films": "What is read, watched and listened to, and what it was worth.",
        "Games": "Games played, of any kind.",
        "Food and Drink": "What is eaten and drunk, cooked, loved and refused.",
        "Health": "Illnesses, allergies, medicines, and what the body needs.",
        "Fitness and Sleep": "Exercise, training, rest.",
        "Money": "Budgets, savings, debts, and how money is decided about.",
        "Possessions": "Things owned that come up: home, vehicles, instruments.",
        "Devices and Software": "Computers, phones, programs and accounts in use.",
        "Values": "What the person believes in and stands up for.",
        "Character": "Lasting traits, strengths, fears.",
        "Likes and Dislikes": "Tastes that no other tag covers.",
        "Manner of Talking": "The tone, length and form of answers the person wants.",
        "Boundaries": "What is not to be brought up, done or kept.",
        "Needs": "Help the person asks for again and again.",
    },
)


TEMPLATES: Mapping[str, Category] = {"profile_prompt": PROFILE}
"""The categories that there are from the start, by MemMachine's names for them."""


def default_categories(names: Iterable[str]) -> tuple[Category, ...]:
    """What sets have unless they disable it, of the templates with these names."""
    return tuple(TEMPLATES[name] for name in names)
