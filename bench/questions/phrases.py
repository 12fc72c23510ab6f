"""What the people of the made-up life are called, talk about and say. Data only."""

from __future__ import annotations

PEOPLE = (
    "Katerina Novotna", "Giorgio Bellandi", "Henrike Osterloh", "Mateusz Wisniewski", "Siobhan Gallagher",
    "Rajesh Venkataraman", "Leonie Brandstetter", "Thandiwe Mokoena", "Baptiste Lemarchand", "Yuki Hashimoto",
    "Esperanza Villalobos", "Torvald Lindqvist", "Miriam Abelson", "Chukwudi Okonkwo",
)  # fmt: skip

TOPICS: dict[str, tuple[str, ...]] = {
    "the boiler": (
        "The plumber looked at the boiler and wants {n} euros for a new pump.",
        "No warm water again, the boiler shows error {d}.",
        "They bled the radiators and now the boiler holds its pressure.",
        "I found the manual of the boiler in the drawer in {place}.",
        "The landlord says the boiler must last another winter.",
    ),
    "the allotment": (
        "The allotment got its new fence, {d} posts and my back hurts.",
        "Slugs ate all the lettuce at the allotment.",
        "We picked {d} kilos of plums at the allotment.",
        "The committee of the allotment wants us to cut the hedge.",
        "I sowed carrots and dill at the allotment.",
    ),
    "the choir": (
        "The choir sings Fauré now and the tenors are lost.",
        "Rehearsal of the choir moved to {place}.",
        "We sold {n} tickets for the concert of the choir.",
        "The conductor of the choir has a cold, no rehearsal.",
        "I got the small solo in the choir!",
    ),
    "the tax return": (
        "The tax return is in, I should get {n} back.",
        "For the tax return I still miss the receipts from {place}.",
        "The tax office wants proof of the home office in the tax return.",
        "My adviser for the tax return charges {n} now.",
        "I filled in half of the tax return on the train.",
    ),
    "the marathon": (
        "Ran {d} kilometres today, the marathon is getting real.",
        "My knee is swollen, perhaps no marathon this time.",
        "I picked up the start number for the marathon in {place}.",
        "New shoes for the marathon, {n} euros, don't tell anyone.",
        "Finished the marathon in four hours and {d} minutes!",
    ),
    "the kitchen": (
        "The worktop for the kitchen is two centimetres too short.",
        "They deliver the kitchen from {place}, finally.",
        "We chose the green tiles for the kitchen.",
        "The kitchen will cost {n} more because of the pipes.",
        "The oven in the kitchen trips the fuse.",
    ),
    "grandma": (
        "Grandma fell in the bathroom, nothing broken, thank God.",
        "I visited grandma, she told the story about {place} again.",
        "Grandma won {n} at bingo and bought cake for everyone.",
        "The doctor changed the pills of grandma.",
        "Grandma wants to learn how to make video calls.",
    ),
    "the car": (
        "The car failed the inspection, brakes and left light.",
        "Somebody scratched the car while it stood in {place}.",
        "The garage asks {n} for the clutch of the car.",
        "I drove the car to {place} and back on one tank.",
        "We should sell the car while it still runs.",
    ),
    "the dog": (
        "The dog ate a sock, the vet gave him something.",
        "We walked the dog around {place} for {d} hours.",
        "The dog is afraid of the new neighbour.",
        "Vaccination of the dog cost {n}.",
        "The dog ran after a hare and came back covered in mud.",
    ),
    "the book club": (
        "The book club reads a novel set in {place} next.",
        "Only {d} of us came to the book club, but what a talk.",
        "Nobody in the book club liked the ending.",
        "The book club meets at my place, I bake.",
        "I left my copy for the book club on the tram.",
    ),
    "the trip": (
        "I booked the trip, we sleep in {place}.",
        "The trip to {place} was all rain and good soup.",
        "Flights for the trip went up to {n}.",
        "On the trip we got lost and found a lake.",
        "Our train on the trip was {d} hours late.",
    ),
    "the new job": (
        "The new job starts with two weeks of training in {place}.",
        "I signed the contract for the new job!",
        "At the new job they have {d} meetings a day.",
        "They offered {n} a month for the new job.",
        "My boss at the new job sings in the corridor.",
    ),
    "the dentist": (
        "The dentist says the wisdom tooth has to go.",
        "The crown from the dentist costs {n}.",
        "I was at the dentist in {place}, no holes.",
        "The dentist gave me a splint for the night.",
        "Half my face is asleep, I come from the dentist.",
    ),
    "piano lessons": (
        "In piano lessons we began with a piece by Satie.",
        "Piano lessons moved to {place}.",
        "I owe {n} for the piano lessons.",
        "The teacher of the piano lessons wants {d} minutes of practice a day.",
        "I skipped piano lessons because of my thumb.",
    ),
    "the roof": (
        "Water came through the roof and into the cupboard.",
        "The roofer from {place} counted {d} broken tiles on the roof.",
        "The insurance pays {n} for the roof.",
        "They put up scaffolding for the roof.",
        "The roof is tight, it rained all night and nothing dripped.",
    ),
    "the bees": (
        "The bees swarmed into the pear tree.",
        "{d} jars of honey from the bees, dark and strong.",
        "I treated the bees against mites.",
        "The bees are moving to a field near {place}.",
        "A new queen for the bees costs {n}.",
    ),
}

TALK = (
    "Are you up?", "Ha, I knew it.", "Tell me more.", "That sounds like you.", "I have to run, talk later.",
    "And then?", "Oh no.", "Lovely!", "Let me think about it.", "Same here.", "How did it go?",
    "I can help if you like.",
)  # fmt: skip

PLACES = (
    "Brno", "Lucca", "Lübeck", "Gdynia", "Galway", "Mysore", "Graz", "Durban", "Nantes", "Kanazawa", "Valdivia",
    "Uppsala", "the old town", "the harbour", "the valley", "the community hall",
)  # fmt: skip

LATER = ("Last weekend: ", "About the weekend: ", "You asked about Saturday and Sunday. ")
