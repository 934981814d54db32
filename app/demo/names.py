"""What are the people of Saint-Exemple called, where do they live, what do they do? All made up."""

TOWN, POSTCODE = "Saint-Exemple", "77998"
#: Villages around: their families are not residents.
AROUND = (("Courbeville", "77997"), ("Les Essarts-en-Brie", "77996"), ("Montreuil-le-Petit", "77995"))

LAST_NAMES = (
    "Allard", "Amrani", "Antoine", "Aubert", "Barbier", "Baron", "Baudry", "Belkacem", "Benoit", "Berger", "Bertin", "Besson", "Blanchard", "Bonnet",
    "Boucher", "Bourgeois", "Bouvier", "Briand", "Brun", "Camara", "Carpentier", "Chauvin", "Chevalier", "Cissé", "Colin", "Cordier", "Costa", "Coulibaly",
    "Cousin", "Da Silva", "Delmas", "Deschamps", "Diallo", "Diarra", "Dos Santos", "Duchêne", "Dumas", "Dupuis", "Durand", "Duval", "El Amri", "Fabre",
    "Faure", "Ferrand", "Ferreira", "Fleury", "Fontaine", "Fournier", "Gaillard", "Garnier", "Gautier", "Gérard", "Giraud", "Gomes", "Grondin", "Guérin",
    "Guillot", "Haddad", "Hamel", "Hoarau", "Huet", "Imbert", "Jacquet", "Joly", "Joubert", "Kaya", "Keita", "Klein", "Lacroix", "Lambert", "Laurent",
    "Le Gall", "Le Goff", "Lebrun", "Leclerc", "Legrand", "Lemoine", "Leroux", "Lopez", "Maillard", "Mansouri", "Marchand", "Marechal", "Marty", "Masson",
    "Mendes", "Mercier", "Meunier", "Meyer", "Michaud", "Morel", "Moulin", "N’Diaye", "Navarro", "Nguyen", "Noël", "Olivier", "Pasquier", "Payet", "Pelletier",
    "Pereira", "Perrin", "Peltier", "Pichon", "Picard", "Poirier", "Prévost", "Quéré", "Rahmani", "Renaud", "Rey", "Ribeiro", "Rivière", "Robin", "Rolland",
    "Rousseau", "Roux", "Roy", "Sanchez", "Saidi", "Schmitt", "Simon", "Sow", "Tanguy", "Teixeira", "Tessier", "Thomas", "Touré", "Tran", "Traoré",
    "Vasseur", "Vidal", "Vincent", "Weber", "Yildiz", "Zeller",
)  # fmt: skip
WOMEN = (
    "Agnès", "Alice", "Amandine", "Amélie", "Anne-Laure", "Aurélie", "Awa", "Camille", "Caroline", "Céline", "Charlotte", "Claire", "Delphine", "Élodie",
    "Émilie", "Estelle", "Fanny", "Fatima", "Fatou", "Florence", "Gaëlle", "Hélène", "Inès", "Isabelle", "Jennifer", "Julie", "Karine", "Laetitia", "Laure",
    "Leïla", "Lucie", "Magali", "Marie", "Marion", "Mathilde", "Mélanie", "Nadège", "Nathalie", "Noémie", "Pauline", "Rachida", "Sabrina", "Samira",
    "Sandrine", "Sarah", "Sophie", "Stéphanie", "Sylvie", "Thi Mai", "Vanessa", "Virginie", "Yasmine",
)  # fmt: skip
MEN = (
    "Abdel", "Adrien", "Alexandre", "Amadou", "Antoine", "Arnaud", "Aurélien", "Bastien", "Benjamin", "Bruno", "Cédric", "Christophe", "Damien", "David",
    "Emre", "Éric", "Fabien", "Farid", "Florent", "Franck", "Frédéric", "Grégory", "Guillaume", "Hugues", "Ibrahim", "Jérôme", "João", "Julien", "Karim",
    "Laurent", "Ludovic", "Mathieu", "Mehdi", "Michaël", "Moussa", "Nicolas", "Olivier", "Pascal", "Philippe", "Pierre-Yves", "Rachid", "Romain", "Sébastien",
    "Simon", "Stéphane", "Sylvain", "Thierry", "Thomas", "Vincent", "Xavier", "Yann", "Youssef",
)  # fmt: skip
GIRLS = (
    "Adèle", "Agathe", "Alba", "Ambre", "Anna", "Assia", "Aya", "Capucine", "Célia", "Chloé", "Clara", "Élise", "Emma", "Eva", "Fatoumata", "Giulia", "Inaya",
    "Iris", "Jade", "Jeanne", "Juliette", "Lana", "Léonie", "Lily", "Lina", "Louise", "Lou-Anne", "Lucie", "Maëlle", "Manon", "Margaux", "Maya", "Mila", "Nina",
    "Nour", "Olivia", "Romane", "Rose", "Salomé", "Sofia", "Zélie", "Zoé",
)  # fmt: skip
BOYS = (
    "Aaron", "Adam", "Amine", "Augustin", "Aylan", "Basile", "Côme", "Eliott", "Enzo", "Ethan", "Evan", "Gabin", "Gabriel", "Gaspard", "Imran", "Isaac",
    "Ismaël", "Jules", "Kaïs", "Léandre", "Léo", "Liam", "Lorenzo", "Louis", "Lucas", "Maël", "Malo", "Marius", "Mathéo", "Milo", "Mohamed", "Nathan", "Noah",
    "Nolan", "Oscar", "Paul", "Raphaël", "Robin", "Sacha", "Samuel", "Soan", "Timéo", "Victor", "Yanis",
)  # fmt: skip
STREETS = (
    "rue des Lilas", "rue de la Mairie", "rue du Lavoir", "rue des Écoles", "chemin des Vignes", "avenue de la République", "rue du Moulin", "allée des Tilleuls",
    "impasse du Pressoir", "rue de l’Église", "place du Marché", "rue de la Gare", "rue des Jardins", "sente des Coquelicots", "rue du Château d’eau",
    "allée des Noisetiers", "rue Marie-Curie", "rue Jules-Ferry", "chemin du Bois", "rue de la Fontaine", "square des Érables", "rue des Bleuets",
)  # fmt: skip
MORE = ("bâtiment A", "bâtiment C, 2e étage", "appartement 12", "3e étage, porte gauche", "résidence Les Ormes", "chez Mme Delaunay")
PROFESSIONS = (
    "aide-soignante", "infirmier", "professeure des écoles", "comptable", "conducteur de bus", "boulangère", "électricien", "assistante maternelle",
    "technicien informatique", "agricultrice", "secrétaire médicale", "magasinier", "coiffeuse", "ingénieur", "cuisinier", "agent d’entretien", "vendeuse",
    "artisan maçon", "pompier", "graphiste", "pharmacienne", "chauffeur routier", "éducatrice spécialisée", "chargé de clientèle", "sans emploi", "étudiante",
)  # fmt: skip
EMPLOYERS = (
    "Centre hospitalier du Val", "Transports Rapide-Brie", "Boulangerie Au Bon Levain", "Collège Simone-Veil", "Menuiserie Perlin", "Garage du Rond-Point",
    "Ferme des Trois Chênes", "Supermarché Primo", "Cabinet Alto", "Communauté de communes", "Imprimerie Typo", "Logistique 77",
)  # fmt: skip
DOMAINS = ("courriel.example", "messagerie.example", "lettre.example", "famille.example")
RELATIONS = (
    "grand-mère",
    "grand-père",
    "tante",
    "oncle",
    "voisine",
    "voisin",
    "assistante maternelle",
    "marraine",
    "parrain",
    "ami de la famille",
)
TEACHERS = ("Mme Arnoult", "M. Besnier", "Mme Cartier", "Mme Drouet", "M. Esnault", "Mme Flandrin", "M. Grimaud", "Mme Hervé", "Mme Isnard", "M. Jourdan",
            "Mme Kervella", "M. Lagarde", "Mme Maury", "Mme Nollet")  # fmt: skip
DOCTORS = ("Dr Anselme", "Dr Brossard", "Dr Chaumont", "Dr Delorme", "Dr Estève", "Dr Faucher")
INSURERS = ("Mutuelle des écoliers", "Assurances du Val", "Prévoyance familiale", "Assurance scolaire réunie")
BIRTH_PLACES = (
    "Saint-Exemple",
    "Meaux",
    "Melun",
    "Paris",
    "Lagny-sur-Marne",
    "Provins",
    "Lyon",
    "Saint-Denis",
    "Fort-de-France",
    "Dakar",
    "Porto",
    "Alger",
)
BUS_LINES = ("Ligne 3, arrêt Fontaine", "Ligne 3, arrêt Mairie", "Ligne 7, arrêt Les Vignes", "Ligne 12, arrêt Moulin")
HABITS = (
    "Fait la sieste avec son doudou lapin.", "Porte des lunettes en classe.", "Mange lentement, a besoin d’encouragements.", "Très timide les premiers jours.",
    "Dort mal s’il fait noir.", "A besoin d’aller aux toilettes avant la sieste.", "Gauchère.", "Parle surtout portugais à la maison.",
)  # fmt: skip
#: (food, drug, other, what to do); None where there is no such allergy.
ALLERGIES = (
    ("Arachide", None, None, "Antihistaminique dans la trousse bleue ; en cas de gêne pour respirer : stylo d’adrénaline puis le 15."),
    ("Œuf", None, None, "Éviction de l’œuf. En cas d’urticaire : appeler les parents."),
    ("Lait de vache", None, None, "Panier repas. En cas d’ingestion : antihistaminique, appeler les parents."),
    ("Fruits à coque, kiwi", None, "Latex", "Stylo d’adrénaline dans la trousse rouge, appeler le 15."),
    (None, "Pénicilline", None, "Ne donner aucun antibiotique, prévenir le médecin."),
    (None, None, "Piqûres de guêpe", "Froid sur la piqûre, surveiller 30 minutes, appeler le 15 en cas de gonflement du visage."),
    (None, None, "Pollens de graminées", "Collyre dans la trousse en mai et juin."),
    ("Gluten (maladie cœliaque)", None, None, "Panier repas fourni par les parents."),
)  # fmt: skip
ILLNESSES = ("Varicelle", "Otites à répétition", "Scarlatine", "Bronchiolite", "Angines")
ADVICE = (
    "Lunettes à garder toute la journée.",
    "Appareil auditif à droite, à retirer pour la piscine.",
    "Appareil dentaire.",
    "Aérateurs dans les oreilles.",
)
COMMENTS = (
    "Merci d’avance.", "Je vous ai prévenus par téléphone ce matin.", "Nous avons déménagé le mois dernier.", "Bonjour, c’est pour la rentrée, merci.",
    "Si possible avant lundi, merci !", "Le justificatif suit par courrier si besoin.",
)  # fmt: skip
REASONS = (
    "Le justificatif est illisible : merci d’envoyer une nouvelle photographie.",
    "Il manque le justificatif de moins de trois mois.",
    "Le document n’est pas au nom du responsable du dossier.",
    "L’information ne correspond pas au livret de famille : merci de prendre rendez-vous.",
)  # fmt: skip
TO_CORRECT = (
    "Merci d’ajouter le document demandé, puis d’envoyer à nouveau.",
    "La date indiquée semble fausse : merci de la vérifier.",
    "Il manque la page signée par le médecin scolaire.",
)  # fmt: skip
ABSENT_BECAUSE = ("Fête de famille chez les grands-parents.", "Enterrement dans la famille.", "Départ en voyage.", "Concours d’équitation.")
FETCHED_BY = ("Mère", "Père", "Grand-mère", "Nourrice", "Grande sœur", "Voisine")
